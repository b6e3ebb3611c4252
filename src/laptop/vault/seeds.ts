/** What the development vault is filled with. */
export interface VaultSeed {
  readonly name: string;
  readonly items: readonly ItemSeed[];
}

export type SeedCategory =
  | 'login'
  | 'api-credential'
  | 'secure-note'
  | 'password'
  | 'server'
  | 'database'
  | 'ssh-key'
  | 'document';

export interface ItemSeed {
  readonly title: string;
  /** `login` by default */
  readonly category?: SeedCategory;
  readonly tags?: readonly string[];
  readonly website?: string;
  readonly fields: readonly FieldSeed[];
  /** what a browser saved of a web form beside user name and password; the SDK refuses to change such an item */
  readonly formFields?: readonly { readonly name: string; readonly value: string }[];
  readonly archived?: boolean;
  /** a part that nobody can read: encrypted with a key that is lost */
  readonly damaged?: 'overview' | 'details';
}

export interface FieldSeed {
  readonly label: string;
  /** made up where it is absent; a login's `username` and `password` have their names as ids, as in 1Password */
  readonly id?: string;
  /** title of the section; absent: none */
  readonly section?: string;
  /**
   * `file`: a text file of this name, which is the document itself where the item is a `document`; `unheard-of`: a kind
   * that the SDK does not know, so that it refuses to change the item
   */
  readonly type: 'text' | 'concealed' | 'one-time-password' | 'ssh-key' | 'file' | 'unheard-of';
  /** of an SSH key its PKCS #8 PEM, of a file its content */
  readonly value: string;
}

/** Requests that one token may make, and all tokens together in a day; absent: no limit. */
export interface RequestLimits {
  readonly readsPerHour?: number;
  readonly writesPerHour?: number;
  readonly perDay?: number;
}

/** An item as its owner would see it; for tests. */
export interface DumpedItem {
  readonly vault: string;
  readonly vaultId: string;
  readonly id: string;
  readonly title: string;
  readonly template: string;
  readonly version: number;
  readonly state: 'active' | 'archived';
  readonly tags: readonly string[];
  readonly websites: readonly string[];
  readonly createdAt: number;
  readonly fields: readonly {
    readonly id: string;
    readonly label: string;
    readonly section?: string;
    readonly kind: string;
    readonly value: string;
  }[];
}
