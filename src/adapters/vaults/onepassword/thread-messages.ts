import type { Operation, Operations } from '../onepassword-items/operations.ts';

/** How the thread is started. */
export interface WorkerSetup {
  readonly sign: { readonly token: string; readonly origin: Origin } | { readonly account: string };
  /** the proxy that the token's address is reached by; absent: none */
  readonly proxy?: { readonly address: string; readonly except: string } | undefined;
  /** requests made, counted as they go out */
  readonly counter: SharedArrayBuffer;
}

/** The only place that the thread's requests may go to. */
export interface Origin {
  /** `host` or `host:port` */
  readonly host: string;
  readonly protocol: 'https:' | 'http:';
}

export interface Question<O extends Operation = Operation> {
  readonly id: number;
  readonly operation: O;
  readonly asks: Operations[O]['asks'];
}

/** What went wrong in the SDK: its words, cleaned, and what the requests behind it met. */
export interface SdkFailure {
  readonly name: string;
  readonly text: string;
  /** seconds, from the last answer 429 */
  readonly retryAfter?: number;
  /** code of the last request that got no answer: ECONNREFUSED */
  readonly network?: string;
}

export type Reply =
  | { readonly id: number; readonly gives: unknown }
  | { readonly id: number; readonly failure: SdkFailure };
