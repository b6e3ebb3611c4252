import type { Secret } from '../../foundation/secret.ts';

export type ApiMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** What the files say that may be asked of an API. */
export interface ApiRules {
  readonly methods: readonly ApiMethod[];
  /** templates, as a step must write its own: `/orders/{id}`; undefined, on the laptop: any */
  readonly paths: readonly string[] | undefined;
  /** where the credential stands: in `Authorization` as a bearer, or as it is in a header; undefined: it takes none */
  readonly credential: { readonly header: string; readonly bearer: boolean } | undefined;
  /** what it is asked twice with the same `Idempotency-Key` it does once */
  readonly keyed: boolean;
}

/**
 * An HTTP API that flows ask with a credential that nobody sees. It goes to one origin, to addresses that were checked when
 * the connection was made, and follows no redirect. What it answers is cut down to the fields that are wanted before anyone
 * has it. Adapters are factory functions; every call has a deadline.
 */
export interface Api {
  /** its name in service.yaml */
  readonly name: string;
  /** its origin: `https://orders.example` */
  readonly url: string;
  readonly rules: ApiRules;
  /** Where a request would go. @throws FlowError refused, or invalid-value for a value that no segment of a path is */
  target(request: ApiTarget): string;
  /**
   * Sends it. Where the credential is refused (401) nothing was done, so that it is sent once more with another one.
   * @throws FlowError for a status that is not expected: denied, not-found, conflict, invalid-value, rate-limited,
   * unavailable · outcome-unknown: of a POST or PATCH, where it may be done all the same · refused: a redirect, a private address · protocol: an answer that is too large, encoded, no JSON, or
   * holds the credential
   */
  send(request: ApiRequest, signal?: AbortSignal): Promise<ApiAnswer>;
  /** Whether it answers, as far as that is known without a credential. @returns what was found, for a person */
  probe(): Promise<string>;
  /** requests made so far, repeated ones too */
  readonly requests: () => number;
  close(): Promise<void>;
}

export interface ApiTarget {
  readonly method: ApiMethod;
  /** a template: `/orders/{id}` */
  readonly path: string;
  /** for what stands in braces; each is one segment */
  readonly values?: Readonly<Record<string, string>> | undefined;
  readonly query?: Readonly<Record<string, string | number | boolean>> | undefined;
}

export interface ApiRequest extends ApiTarget {
  /** undefined: no body */
  readonly json?: unknown;
  readonly credential?: Secret | undefined;
  /** Another credential, where there is one, once this one was refused. */
  readonly renewed?: ((refused: Secret) => Promise<Secret | undefined>) | undefined;
  readonly idempotencyKey?: string | undefined;
  /** statuses that are no failure; undefined: any 2xx */
  readonly expect?: readonly number[] | undefined;
  /** what of a JSON answer is wanted: `id`, `total.amount`; of a list, of each of its elements */
  readonly fields: readonly string[];
  /** the field that is a secret */
  readonly secret?: string | undefined;
  /** bytes that its body may have */
  readonly most: number;
}

export interface ApiAnswer {
  readonly status: number;
  /** the wanted fields that it has: text, numbers, true, false, null, and lists of those, in objects by name */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly secret: Secret | undefined;
}
