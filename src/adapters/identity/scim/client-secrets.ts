import { FlowError } from '../../../foundation/errors.ts';
import type { ClientSecrets } from '../contract.ts';
import type { ManagementApi, Told } from '../management-api.ts';
import { segment } from '../segment.ts';
import { onlySecret } from '../client-refusals.ts';

export interface ClientSecretOptions {
  readonly call: ManagementApi;
  /** path of the resource type below the base of the API */
  readonly path: string;
  /** what an answer means that is none of the expected */
  readonly failed: (answer: Told) => Promise<FlowError>;
}

/** The client secrets of a SCIM service that has a resource type for them; two may be live at a time. */
export function scimClientSecrets({ call, path, failed }: ClientSecretOptions): ClientSecrets {
  const resources = () => import('./resources.ts');
  const requireClient = (answer: Told, clientId: string): void => {
    if (answer.status !== 404) return;
    throw new FlowError('not-found', `the identity provider has no client "${clientId}" with secrets`, {
      hint: 'give its client id as the provider knows it',
    });
  };
  return {
    origin: 'ours',
    live: 2,
    async list(clientId) {
      const filter = `clientId eq ${JSON.stringify(clientId)}`;
      const answer = await call('GET', `${path}?${new URLSearchParams({ filter }).toString()}`);
      requireClient(answer, clientId);
      if (answer.status !== 200) throw await failed(answer);
      const found = (await resources()).parseClientSecrets(answer.body);
      if (found === undefined) throw malformed();
      return found
        .filter((each) => each.clientId === clientId)
        .map(({ listed }) => listed)
        .toSorted((one, other) => (other.createdAt ?? 0) - (one.createdAt ?? 0));
    },
    async add(clientId, secret) {
      const { newClientSecretBody, parseClientSecret } = await resources();
      const answer = await call('POST', path, { body: newClientSecretBody(clientId, secret) });
      requireClient(answer, clientId);
      if (answer.status === 409)
        throw new FlowError('conflict', `two secrets of client "${clientId}" are live already`, {
          hint: 'retire the one that nobody uses',
        });
      if (answer.status === 400)
        throw new FlowError('invalid-value', 'the identity provider refuses the client secret', {
          hint: 'fit the recipe of vault/stage-secret to its rules',
        });
      if (answer.status !== 201) throw await failed(answer);
      const made = parseClientSecret(answer.body);
      if (made?.clientId !== clientId) throw malformed();
      return made.listed;
    },
    async retire(clientId, id) {
      const answer = await call('DELETE', `${path}/${segment(id)}`);
      if (answer.status === 409) throw onlySecret(clientId);
      if (answer.status !== 204 && answer.status !== 404) throw await failed(answer);
    },
  };
}

function malformed(): FlowError {
  return new FlowError('protocol', 'the identity provider answers with something that is no client secret', {
    hint: 'is client-secrets the path of its resource type for them?',
  });
}
