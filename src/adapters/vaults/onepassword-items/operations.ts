import type { ErrorCode } from '../../../foundation/errors.ts';
import type { Spellings } from '../../../foundation/names.ts';

/** A service with the vaults and items of 1Password, whichever way it is spoken to. */
export interface ItemService {
  /** @throws FlowError where it concerns all of them, or the one vault or item that was asked for */
  call<O extends Operation>(operation: O, asks: Operations[O]['asks']): Promise<Operations[O]['gives']>;
}

/** What is asked of it. Everything is plain data, so that it can be posted to a thread. */
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
  /** API credentials; where it fails some of them may be there */
  createAll: { readonly asks: Creations; readonly gives: null };
  setOneTimePassword: { readonly asks: SeedChange; readonly gives: WholeItem | Problem };
  setFields: { readonly asks: FieldsChange; readonly gives: WholeItem | Problem };
  archive: { readonly asks: { readonly vault: string; readonly item: string }; readonly gives: null };
}

export type Operation = keyof Operations;

export const writingOperations: ReadonlySet<Operation> = new Set([
  'create',
  'createAll',
  'setOneTimePassword',
  'setFields',
  'archive',
]);

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
  /** what the service said, cleaned */
  readonly words?: string | undefined;
}

export interface WholeItem {
  readonly kind: 'item';
  readonly id: string;
  readonly title: string;
  readonly version: number;
  readonly tags: readonly string[];
  readonly createdAt: number;
  /** not all of its fields are known, and it is not changed */
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
  readonly recipe: Recipe;
  readonly website: string | undefined;
  readonly tags: readonly string[];
}

interface Creations {
  readonly vault: string;
  readonly items: readonly {
    readonly title: string;
    readonly tags: readonly string[];
    readonly sections: readonly { readonly id: string; readonly title: string }[];
    readonly fields: readonly CreatedField[];
  }[];
}

interface CreatedField {
  readonly id: string;
  readonly label: string;
  readonly sectionId: string | undefined;
  readonly type: Exclude<WholeField['type'], 'other'>;
  readonly value: string;
}

export interface SeedChange {
  readonly vault: string;
  readonly item: string;
  readonly version: number;
  readonly seed: string;
  readonly previous: 'keep' | 'drop';
  readonly tag?: string | undefined;
}

export interface FieldsChange {
  readonly vault: string;
  readonly item: string;
  readonly version: number;
  readonly fields: readonly NewField[];
  readonly tag?: string | undefined;
}

export interface NewField {
  /** of one that is there */
  readonly id?: string | undefined;
  readonly section: string | undefined;
  readonly label: string;
  /** undefined: it is taken away */
  readonly value: string | Recipe | undefined;
}

export interface Recipe {
  readonly length: number;
  readonly digits: boolean;
  readonly symbols: boolean;
}
