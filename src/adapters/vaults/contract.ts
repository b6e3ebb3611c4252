import type { FlowError } from '../../foundation/errors.ts';
import type { Reference } from '../../foundation/reference.ts';
import type { Secret } from '../../foundation/secret.ts';
import type { VaultQuota } from './quota.ts';

/** A vault service: where secrets live. Adapters are factory functions; every call has a deadline. */
export interface Vault {
  /** where it is, for plans and prompts: `https://acme.1password.com` */
  readonly address: string;
  /**
   * Reads fields (and files, and `?attribute=`). One batch per vault, duplicates once.
   * @returns by `reference.toString()`, a value or what was wrong with that one reference
   * @throws FlowError only for what concerns all of them: denied, rate-limited, unavailable, timeout
   */
  read(references: readonly Reference[]): Promise<ReadonlyMap<string, Secret | FlowError>>;
  /** optional: items can be looked at and changed */
  readonly items?: VaultItems;
  /** optional: it is several services, and this is what each of them is asked for. @throws FlowError not-found */
  readonly parts?: (references: readonly Reference[]) => readonly VaultPart[];
  /** optional: it tells how it is, in a few words for people. @throws FlowError unavailable where a part of it is down */
  readonly health?: () => Promise<string>;
  /** optional: it takes so many requests in a time */
  readonly quota?: VaultQuota;
  /** requests that this adapter made to the service since it was created */
  readonly requests: () => number;
  close(): Promise<void>;
}

/** One of the services that a vault is made of. */
export interface VaultPart {
  readonly vault: Vault;
  readonly references: readonly Reference[];
}

export interface VaultItems {
  /** @throws FlowError not-found, ambiguous, and the general ones */
  get(item: Reference): Promise<Item>;
  /** Items of one vault with this tag, oldest first; archived ones are not among them. */
  find(vault: string, tag: string): Promise<readonly Item[]>;
  /** The vaults that can be looked at, in one request. */
  vaults(): Promise<readonly NamedVault[]>;
  /** The items of one vault by their names, in one request; archived ones are not among them. */
  list(vault: string): Promise<readonly NamedItem[]>;
  /**
   * Makes items in one vault, 100 at most, in as few requests as the service takes.
   * @throws FlowError where not all were made: others may be, so whoever goes on looks first
   */
  createAll(vault: string, items: readonly NewItem[]): Promise<void>;
  /** The password is made by the service's generator from the recipe, never by us. */
  createLogin(login: NewLogin): Promise<Item>;
  /**
   * Writes the item's one OTP field, only if the item still has `item.version`; a former, different seed is kept as
   * the concealed field `previous` until it is called with `previous: 'drop'`.
   * @throws FlowError conflict where the item has changed since it was read
   */
  setOneTimePassword(item: Item, seed: Secret, options: SeedOptions): Promise<Item>;
  /**
   * Writes fields of an item in one change, only if the item still has `item.version`.
   * @throws FlowError conflict where the item has changed since it was read
   */
  setFields(item: Item, fields: readonly FieldChange[], options?: Pick<SeedOptions, 'tag'>): Promise<Item>;
  /** Nothing happens to an item that is archived already. */
  archive(item: Pick<Item, 'vault' | 'id' | 'reference'>): Promise<void>;
}

/** What becomes of one field. Two changes of one item name two fields. */
export interface FieldChange {
  /** one of the item's; or a new one, which is concealed, by its label and what it stands beside */
  readonly field: ItemField | { readonly label: string; readonly beside?: ItemField | undefined };
  /** a recipe: made by the service's generator, never by us; undefined: the field is taken away */
  readonly value: Secret | PasswordRecipe | undefined;
}

export interface SeedOptions {
  readonly previous: 'keep' | 'drop';
  /** put on the item, instead of any that is the same up to its colon */
  readonly tag?: string | undefined;
}

export interface Item {
  /** the vault as the caller named it, so that references go back to the same entry */
  readonly vault: string;
  readonly id: string;
  readonly title: string;
  /** grows with every change */
  readonly version: number;
  readonly tags: readonly string[];
  /** epoch milliseconds */
  readonly createdAt: number;
  /** known to hold what cannot be kept in a change, so that every change is refused */
  readonly isFixed?: boolean;
  readonly fields: readonly ItemField[];
  /** `op://vault/<item id>` */
  readonly reference: Reference;
}

export interface NamedVault {
  readonly id: string;
  readonly title: string;
  /** by which it is asked for: as service.yaml has it, else its id */
  readonly name: string;
}

/** What a list tells of an item. */
export interface NamedItem {
  readonly id: string;
  readonly title: string;
  readonly tags: readonly string[];
}

/** An API credential, with fields that are given. */
export interface NewItem {
  readonly title: string;
  readonly tags: readonly string[];
  /** no two of one section have one label */
  readonly fields: readonly NewItemField[];
}

export interface NewItemField {
  readonly label: string;
  /** the title of its section; absent: it stands in none */
  readonly section?: string | undefined;
  readonly type: Exclude<ItemField['type'], 'other'>;
  readonly value: Secret;
}

export interface ItemField {
  readonly id: string;
  readonly label: string;
  readonly section?: string | undefined;
  readonly type: 'text' | 'concealed' | 'one-time-password' | 'other';
  readonly value: Secret;
  /** `op://vault/<item id>/[<section id>/]<field id>` */
  readonly reference: Reference;
}

export interface NewLogin {
  readonly vault: string;
  readonly title: string;
  readonly username: string;
  readonly password: PasswordRecipe;
  readonly website?: string | undefined;
  readonly tags: readonly string[];
}

/** As 1Password's generator takes it. */
export interface PasswordRecipe {
  /** 8–100 characters */
  readonly length: number;
  readonly digits: boolean;
  readonly symbols: boolean;
}
