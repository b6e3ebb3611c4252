import { FlowError } from '../../foundation/errors.ts';
import type { Secret } from '../../foundation/secret.ts';
import { createManagementApi, type ManagementApiOptions, type Told } from './management-api.ts';

export interface AdminApiOptions extends Omit<ManagementApiOptions, 'mediaType'> {
  /** the provider's name in service.yaml, for messages */
  readonly name: string;
  /** of the provider itself: `https://login.example.com/realms/main` */
  readonly address: string;
  /** `a Keycloak realm`: what is expected at the address */
  readonly peer: string;
  /** what an answer means that is none of those that are accepted */
  readonly refused: (answer: Told, password: Secret | undefined) => FlowError | Promise<FlowError>;
  /** sends a request, again where its answer asks for that; default: once */
  readonly patiently?: ((send: () => Promise<Told>) => Promise<Told>) | undefined;
}

/** A provider's own API, in JSON, over its users and clients. Paths are below its base. */
export interface AdminApi {
  readonly name: string;
  readonly address: string;
  /** @param accepted the statuses that are no failure. @throws FlowError for the others */
  call(method: string, path: string, accepted: readonly number[], asked?: AdminRequest): Promise<Told>;
  /** An answer that is not what was asked for. */
  malformed(what: string): FlowError;
}

interface AdminRequest {
  readonly json?: unknown;
  readonly repeatable?: boolean;
  /** of the request, which no message may quote */
  readonly password?: Secret | undefined;
}

export function createAdminApi(options: AdminApiOptions): AdminApi {
  const { name, address, peer, refused, patiently = (send) => send() } = options;
  const send = createManagementApi(options);
  return {
    name,
    address,
    async call(method, path, accepted, { json, repeatable, password } = {}) {
      const body = json === undefined ? undefined : JSON.stringify(json);
      const asked = { body, ...(repeatable === undefined ? {} : { repeatable }) };
      const answer = await patiently(() => send(method, path, asked));
      if (accepted.includes(answer.status)) return answer;
      throw await refused(answer, password);
    },
    malformed: (what) =>
      new FlowError('protocol', `identity provider "${name}" answers with ${what}`, {
        hint: `is the address that of ${peer}?`,
      }),
  };
}
