import { Secret } from '../../../foundation/secret.ts';
import type { ClientSecrets, ListedSecret } from '../contract.ts';
import { segment } from '../segment.ts';
import type { Application, PasswordCredential } from './answers.ts';
import type { Directory } from './directory.ts';
import { noClient, onlySecret } from '../client-refusals.ts';

/** The secrets of an app registration, by its client id: many, made by Entra, and told once, when they are made. */
export function createClientSecrets(directory: Directory, now: () => number): ClientSecrets {
  const answers = () => import('./answers.ts');

  async function applicationOf(clientId: string): Promise<Application> {
    // a quote is doubled in a string of OData
    const key = encodeURIComponent(clientId.replaceAll("'", "''"));
    const path = `v1.0/applications(appId='${key}')?$select=id,appId,passwordCredentials`;
    const answer = await directory.call('GET', path, [200, 404]);
    if (answer.status === 404) {
      throw noClient(
        directory.name,
        clientId,
        'is it the application (client) id, and may the token see this application?',
      );
    }
    const found = (await answers()).parsers.application(answer.body);
    if (found?.appId.toLowerCase() !== clientId.toLowerCase())
      throw directory.malformed('something that is not the application asked for');
    return found;
  }

  const inForce = ({ passwordCredentials }: Application) =>
    passwordCredentials
      .filter(({ endDateTime }) => !endDateTime || Date.parse(endDateTime) > now())
      .toSorted((one, other) => (other.startDateTime ?? '').localeCompare(one.startDateTime ?? ''));

  return {
    origin: 'theirs',
    live: 'many',
    list: async (clientId) => inForce(await applicationOf(clientId)).map(listed),

    async add(clientId) {
      const { id } = await applicationOf(clientId);
      const json = { passwordCredential: { displayName: 'flows' } };
      const answer = await directory.call('POST', `v1.0/applications/${segment(id)}/addPassword`, [200], { json });
      const added = (await answers()).parsers.added(answer.body);
      if (added === undefined) throw directory.malformed('something that is no new secret');
      const value = new Secret(added.secretText);
      return { ...listed(added), is: (other) => other.equals(value), value };
    },

    async retire(clientId, id) {
      const application = await applicationOf(clientId);
      const live = inForce(application);
      if (!live.some(({ keyId }) => keyId === id)) return;
      if (live.length === 1) throw onlySecret(clientId);
      const path = `v1.0/applications/${segment(application.id)}/removePassword`;
      await directory.call('POST', path, [204], { json: { keyId: id } });
    },
  };
}

/** Of a value it shows the first three characters, ever. */
function listed({ keyId, hint, startDateTime }: PasswordCredential): ListedSecret {
  return {
    id: keyId,
    createdAt: startDateTime ? Date.parse(startDateTime) : undefined,
    ...(hint ? { is: (secret: Secret) => secret.reveal().startsWith(hint) } : {}),
  };
}
