import type { ErrorCode } from '../../../foundation/errors.ts';
import type { Spellings } from '../../../foundation/names.ts';

/** What the adapter asks of the thread that runs the SDK. Everything is plain data, so that it can be posted. */
export interface Operations {
  vaults: { readonly asks: null; readonly gives: readonly NamedVault[] };
  /** the items of a vault */
  overviews: { readonly asks: { readonly vault: string }; readonly gives: readonly NamedItem[] };
  pick: {
    readonly asks: { readonly vault: string; readonly picks: readonly Pick[] };
    readonly gives: readonly Picked[];
  };
  /** whole items, in the order asked; undefined where there is none, or an archived one; a problem where it is damaged */
  items: {
    readonly asks: { readonly vault: string; readonly ids: readonly string[] };
    readonly gives: readonly (WholeItem | Problem | undefined)[];
  };
  create: { readonly asks: Creation; readonly gives: WholeItem };
  setOneTimePassword: { readonly asks: SeedChange; readonly gives: WholeItem | Problem };
  archive: { readonly asks: { readonly vault: string; readonly item: string }; readonly gives: null };
}

export type Operation = keyof Operations;

export const writingOperations: ReadonlySet<Operation> = new Set(['create', 'setOneTimePassword', 'archive']);

export interface NamedVault {
  readonly id: string;
  readonly title: string;
}

export interface NamedItem {
  readonly id: string;
  readonly title: string;
  readonly tags: readonly string[];
  /** epoch milliseconds */
  readonly createdAt: number;
  readonly archived: boolean;
}

/** One value of one item. */
export interface Pick {
  readonly item: string;
  readonly section?: Spellings | undefined;
  readonly field: Spellings;
  readonly attribute?: string | undefined;
  readonly sshFormat?: string | undefined;
}

export type Picked =
  | { readonly kind: 'value'; readonly value: string; readonly title: string }
  | { readonly kind: 'no-item' }
  /** without a title: the item itself could not be read */
  | ({ readonly title?: string } & Problem);

/** What was wrong with one reference; names only, never a value. */
export interface Problem {
  readonly kind: 'problem';
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string | undefined;
  /** what the SDK said, cleaned */
  readonly words?: string | undefined;
}

export interface WholeItem {
  readonly kind: 'item';
  readonly id: string;
  readonly title: string;
  readonly version: number;
  readonly tags: readonly string[];
  readonly createdAt: number;
  /** the SDK does not know all of its fields, and changes no such item */
  readonly isFixed: boolean;
  readonly fields: readonly WholeField[];
}

export interface WholeField {
  readonly id: string;
  readonly label: string;
  readonly sectionId: string | undefined;
  readonly section: string | undefined;
  readonly type: 'text' | 'concealed' | 'one-time-password' | 'other';
  readonly value: string;
}

interface Creation {
  readonly vault: string;
  readonly title: string;
  readonly username: string;
  readonly recipe: { readonly length: number; readonly digits: boolean; readonly symbols: boolean };
  readonly website: string | undefined;
  readonly tags: readonly string[];
}

export interface SeedChange {
  readonly vault: string;
  readonly item: string;
  readonly version: number;
  readonly seed: string;
  readonly previous: 'keep' | 'drop';
  readonly tag?: string | undefined;
}

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
