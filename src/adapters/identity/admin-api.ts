import { FlowError } from '../../foundation/errors.ts';
import type { Secret } from '../../foundation/secret.ts';
import { createManagementApi, type ManagementApiOptions, type Told } from './management-api.ts';
import { type Meaning, type Meanings, refusedAnswer } from './refused-answer.ts';
import { type RequestLimits, secondsToReset, waitingForReset } from './request-limits.ts';

export interface AdminApiOptions<S> extends Omit<ManagementApiOptions, 'mediaType'> {
  /** the provider's name in service.yaml, for messages */
  readonly name: string;
  /** of the provider itself: `https://login.example.com/realms/main` */
  readonly address: string;
  /** `a Keycloak realm`: what is expected at the address */
  readonly peer: string;
  /** Reads the body of an answer that is none of those that are accepted. */
  readonly failure: (body: string) => Promise<Failure<S>>;
  /** what such an answer means, the first that fits, and where none does */
  readonly meanings: Meanings<S>;
  readonly otherwise: Meaning;
  readonly limits: RequestLimits;
  /** a limit of requests that ends within a minute is waited for, and not told at once; default true */
  readonly patient?: boolean | undefined;
}

/** What an answer says of a failure. */
interface Failure<S> {
  readonly said: S;
  /** the server's own words */
  readonly words: string;
  /** what a value is about that is refused; default `password` */
  readonly subject?: string | undefined;
}

/** What a provider's own API is reached with, where its limits of requests are waited for. */
export interface LimitedApiOptions
  extends
    Pick<AdminApiOptions<never>, 'name' | 'url' | 'token' | 'scheme' | 'development' | 'fetch' | 'deadline'>,
    Omit<RequestLimits, 'resetHeader'> {}

/** A provider's own API, in JSON, over its users and clients. Paths are below its base. */
export interface AdminApi {
  readonly name: string;
  readonly address: string;
  readonly limits: RequestLimits;
  /** @param accepted the statuses that are no failure. @throws FlowError for the others */
  call(method: string, path: string, accepted: readonly number[], asked?: AdminRequest): Promise<Told>;
  /** What an accepted answer means after all: a status may stand for more than one thing. */
  refusal(answer: Told): Promise<FlowError>;
  /** An answer that is not what was asked for. */
  malformed(what: string): FlowError;
}

interface AdminRequest {
  readonly json?: unknown;
  readonly repeatable?: boolean;
  /** of the request, which no message may quote */
  readonly password?: Secret | undefined;
}

export function createAdminApi<S>(options: AdminApiOptions<S>): AdminApi {
  const { name, address, peer, meanings, otherwise, limits, patient = true } = options;
  const patiently = patient ? waitingForReset(limits) : (once: () => Promise<Told>) => once();
  const send = createManagementApi(options);

  async function refused(answer: Told, password?: Secret): Promise<FlowError> {
    const failure = await options.failure(answer.body);
    const retryAfter = secondsToReset(answer.headers, limits);
    return refusedAnswer({ name, answer, ...failure, meanings, otherwise, password, retryAfter });
  }

  return {
    name,
    address,
    limits,
    async call(method, path, accepted, { json, repeatable, password } = {}) {
      const body = json === undefined ? undefined : JSON.stringify(json);
      const asked = { body, ...(repeatable === undefined ? {} : { repeatable }) };
      const answer = await patiently(() => send(method, path, asked));
      if (accepted.includes(answer.status)) return answer;
      throw await refused(answer, password);
    },
    refusal: (answer) => refused(answer),
    malformed: (what) =>
      new FlowError('protocol', `identity provider "${name}" answers with ${what}`, {
        hint: `is the address that of ${peer}?`,
      }),
  };
}
