import { FlowError } from '../../foundation/errors.ts';
import type { Secret } from '../../foundation/secret.ts';
import { createManagementApi, type ManagementApiOptions, type Told } from './management-api.ts';
import { type RequestLimits, waitingForReset } from './request-limits.ts';

export interface AdminApiOptions extends Omit<ManagementApiOptions, 'mediaType'> {
  /** the provider's name in service.yaml, for messages */
  readonly name: string;
  /** of the provider itself: `https://login.example.com/realms/main` */
  readonly address: string;
  /** `a Keycloak realm`: what is expected at the address */
  readonly peer: string;
  /** what an answer means that is none of those that are accepted */
  readonly refused: (answer: Told, password: Secret | undefined) => FlowError | Promise<FlowError>;
  /** a limit of requests that ends within a minute is waited for; default: it is told at once */
  readonly limits?: RequestLimits | undefined;
}

/** What a provider's own API is reached with, where its limits of requests are waited for. */
export interface LimitedApiOptions
  extends
    Pick<AdminApiOptions, 'name' | 'url' | 'token' | 'scheme' | 'development' | 'fetch' | 'deadline'>,
    Omit<RequestLimits, 'resetHeader'> {}

/** A provider's own API, in JSON, over its users and clients. Paths are below its base. */
export interface AdminApi {
  readonly name: string;
  readonly address: string;
  /** @param accepted the statuses that are no failure. @throws FlowError for the others */
  call(method: string, path: string, accepted: readonly number[], asked?: AdminRequest): Promise<Told>;
  /** What an accepted answer means after all: a status may stand for more than one thing. */
  refusal(answer: Told): FlowError | Promise<FlowError>;
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
  const { name, address, peer, refused, limits } = options;
  const patiently = limits === undefined ? (once: () => Promise<Told>) => once() : waitingForReset(limits);
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
    refusal: (answer) => refused(answer, undefined),
    malformed: (what) =>
      new FlowError('protocol', `identity provider "${name}" answers with ${what}`, {
        hint: `is the address that of ${peer}?`,
      }),
  };
}
