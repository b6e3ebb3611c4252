import type { Secret } from '../../foundation/secret.ts';

/**
 * A place that runtimes read their secrets from, filled one way. Values are never read back: a version's name, which
 * the pusher derives from the value, tells whether it is current. Adapters are factory functions; every call has a
 * deadline; how many calls run at once and how many a second is the adapter's business.
 */
export interface SecretStore {
  /** where it is, for plans and prompts */
  readonly address: string;
  /** optional: what no other account or place at the same address shares; default: the address */
  readonly scope?: string;
  /** what the service takes, told before it is asked */
  readonly rules: StoreRules;
  /**
   * Who we are there is what service.yaml declares, and these names can be its own; before anything else.
   * @throws FlowError refused
   */
  verify(names: readonly SecretName[]): Promise<void>;
  /**
   * What is stored under these names, in as few calls as there are, without values.
   * @returns by name; a name that is not among them does not exist
   */
  inspect(names: readonly SecretName[], options?: InspectOptions): Promise<ReadonlyMap<string, StoredSecret>>;
  /**
   * Puts a value in force under a version name. Safe to repeat: the same version with the same value, already stored,
   * is put in force again and nothing is written twice.
   * @throws FlowError conflict where the secret came to exist since it was inspected, or is being deleted
   */
  write(write: SecretWrite, signal?: AbortSignal): Promise<{ readonly id: string }>;
  /** Changes what is declared about a secret and nothing else. */
  annotate(id: string, metadata: Metadata, signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
  /** requests that this adapter made to the service since it was created, repeated ones too */
  readonly requests: () => number;
  /**
   * optional: a version can be held back by {@link SecretWrite.hold}, and this puts it in force; nothing happens where it
   * is. @throws FlowError
   */
  readonly promote?: (stored: StoredSecret, version: string, signal?: AbortSignal) => Promise<void>;
  /** optional, with `promote`: a value that is held back is so no longer; nothing happens where it is not. @throws FlowError */
  readonly withdraw?: (stored: StoredSecret, version: string, signal?: AbortSignal) => Promise<void>;
  /** optional: what is not declared any more can be deleted, with time to take it back */
  readonly deletion?: Deletion;
  /** optional: what may be declared about a secret and no list tells */
  readonly details?: {
    /** @returns it with what is wanted of it */
    look(stored: StoredSecret, wanted: ReadonlySet<Detail>, signal?: AbortSignal): Promise<StoredSecret>;
  };
  /** optional: all version names that the service still knows, also those that no label keeps */
  readonly versions?: (id: string, signal?: AbortSignal) => Promise<readonly string[]>;
  /** optional: `fingerprint-key:` of service.yaml, new first, instead of the keys derived from the environment's */
  readonly fingerprintKeys?: (() => Promise<readonly [Uint8Array, ...Uint8Array[]]>) | undefined;
}

/** What a service says of names and values. Problems are worded to follow the key: `is not a name that AWS takes`. */
export interface StoreRules {
  /** a name as flows write it, which may be the service's own identifier, with the name in it */
  nameOf(text: string): SecretName;
  /** what it would refuse, or take and regret, of what is known of a secret */
  problems(known: { readonly name?: string | undefined } & Metadata): readonly {
    readonly key: string;
    readonly problem: string;
    readonly hint?: string | undefined;
  }[];
  /** what of a name it takes and a person may regret, worded to follow `secret "NAME"` */
  warning?(name: string): string | undefined;
  /** @param bytes of its UTF-8 text */
  valueProblem(bytes: number): { readonly problem: string; readonly hint: string } | undefined;
  /** @param stored undefined: the service's own key */
  isSameKey(declared: string, stored: string | undefined): boolean;
  /** how a person takes back a secret that is scheduled for deletion */
  restore(name: string): string;
  /** whole days that there may be to take a deletion back; absent: the store has no {@link SecretStore.deletion} */
  readonly recoveryWindow?: { readonly least: number; readonly most: number };
  /** what of {@link SecretStore.details} may be declared; absent: nothing */
  readonly details?: ReadonlySet<Detail>;
  /** @param stored undefined: none */
  isSamePolicy?(declared: string, stored: string | undefined): boolean;
}

/** What no list of secrets tells: copies in other regions, and who else may do what with it. */
export type Detail = 'replicas' | 'resource-policy';

/** A copy in another region, which the store keeps as the secret is. */
export interface Replica {
  readonly region: string;
  /** that encrypts it there; undefined: the service's own */
  readonly kmsKey?: string | undefined;
}

export interface StoredReplica extends Replica {
  /** why it is no copy, to follow its region; undefined: it is one, or is being made */
  readonly failure?: string | undefined;
}

/** What a push may do at a store besides writing values, which the service must allow (`check --setup`). */
export type PushDuty = 'delete' | 'kms' | Detail;

/** Deletes with a time in which nobody reads the secret and everything of it can be taken back. */
export interface Deletion {
  /**
   * All secrets whose tag of this key has one of these values, those that are scheduled for deletion too: the whole list
   * or none of it. It may lag behind. @throws FlowError denied where it may not be read
   */
  tagged(key: string, values: readonly string[], signal?: AbortSignal): Promise<readonly StoredSecret[]>;
  /** @param days of the store's recovery window; nothing happens where it is scheduled already */
  schedule(stored: StoredSecret, days: number, signal?: AbortSignal): Promise<void>;
  /** Nothing happens where it is not scheduled. */
  restore(stored: StoredSecret, signal?: AbortSignal): Promise<void>;
}

export interface SecretName {
  readonly name: string;
  /** the store's own identifier, where it was declared instead of the name */
  readonly id?: string | undefined;
}

interface InspectOptions {
  /** each one by itself, from where nothing lags */
  readonly strict?: boolean;
  readonly signal?: AbortSignal;
}

/** A secret as it stands, without its value. */
export interface StoredSecret {
  readonly name: string;
  /** the store's own identifier */
  readonly id: string;
  /** name of the version in force; undefined where no value was ever written, or it is not known whose is in force */
  readonly current: string | undefined;
  /** names of all versions that a label keeps, the one in force among them */
  readonly versions: readonly string[];
  /** name of the version that is held back, where one is */
  readonly pending?: string | undefined;
  readonly scheduledForDeletion: boolean;
  /** who alone may write it, to follow its name: a service that manages it, a place that it is copied from */
  readonly owner?: string | undefined;
  readonly description: string | undefined;
  readonly kmsKey: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
  /** known where it was looked at by itself */
  readonly replicas?: readonly StoredReplica[] | undefined;
  /** JSON; known where {@link SecretStore.details} told it */
  readonly resourcePolicy?: string | undefined;
}

/** What may be declared about a secret besides its value; undefined: not declared, left as it is. */
export interface Metadata {
  readonly description?: string | undefined;
  readonly kmsKey?: string | undefined;
  /** these keys are set; others are left alone */
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /** these are there; others are left alone */
  readonly replicas?: readonly Replica[] | undefined;
  /** JSON with sorted keys */
  readonly resourcePolicy?: string | undefined;
}

export interface SecretWrite {
  readonly name: SecretName;
  /** as it was inspected; undefined: it is created, with its metadata in the same call */
  readonly stored: StoredSecret | undefined;
  /** 32–64 characters */
  readonly version: string;
  readonly value: Secret;
  readonly metadata: Metadata;
  /** a flow wrote it as a mapping: the text is a JSON object, and a store whose secrets have keys keeps them as such */
  readonly isMapping?: boolean;
  /** stored under a label of its own and not put in force, of a secret that has a value in force */
  readonly hold?: boolean;
}
