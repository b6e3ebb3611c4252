import { FlowError } from '../../../foundation/errors.ts';
import type { Reference } from '../../../foundation/reference.ts';
import type { Secret } from '../../../foundation/secret.ts';
import type { Vault, VaultItems } from '../contract.ts';
import { createAccount, type Call, type Refusal, type Ticket } from './admission.ts';
import { type Ledger, openLedger } from './ledger.ts';
import { createMisses } from './misses.ts';
import type { QuotaEvent, QuotaIdentity, QuotaState, VaultQuota } from '../quota.ts';

export interface GovernorOptions {
  /** path of the ledger, in the user's state folder; undefined, or the vault has no quota: this process counts for itself */
  readonly ledger: string | undefined;
  /** epoch milliseconds */
  readonly now: () => number;
  /** 0–1; default Math.random */
  readonly random?: (() => number) | undefined;
  /** one line for a person */
  readonly warn?: ((message: string) => void) | undefined;
  readonly onEvent?: ((event: QuotaEvent) => void) | undefined;
}

/** A vault whose requests are counted, and kept below its quota. */
export interface GovernedVault extends Vault {
  /** The same for break-glass flows: it may use the reserve, and asks whatever failed before. */
  readonly urgent: Vault;
  /** What is used, and whether the vault is left alone; undefined before the first call. */
  usage(): QuotaState | undefined;
}

/** For a vault that tells no quota only failures are minded, and only those that this process met. */
const unlimited: VaultQuota = {
  identity: () => Promise.resolve({ token: 'any', account: 'any' }),
  limits: undefined,
  reserve: 0,
  cost: { signIn: 0, batch: Infinity },
};

/**
 * Keeps a vault below its quota, for all processes of this machine together and across restarts: every request is
 * counted in a ledger before it is made, failures in a row make it wait longer and longer, and what was not there a
 * moment ago is not asked for again.
 */
export function createGovernor(vault: Vault, options: GovernorOptions): GovernedVault {
  const { now, warn = () => undefined, onEvent = () => undefined, random = Math.random } = options;
  const { identity: whose, limits, reserve, cost } = vault.quota ?? unlimited;
  const file = vault.quota === undefined ? undefined : options.ledger;
  const account = createAccount({ limits, reserve, now, random });
  const misses = createMisses(now);
  let opening: Promise<Ledger> | undefined;
  let ledger: Ledger | undefined;
  let identity: QuotaIdentity | undefined;
  let counted = vault.requests();
  let cold = true;
  let closed = false;
  let told: 'closed' | 'open' | 'exhausted' = 'closed';

  /** A ledger that fails later, on a full disk perhaps, is done without: no read fails for the sake of counting. */
  async function onLedger<T>(work: (ledger: Ledger) => T): Promise<T> {
    opening ??= openLedger(file, { now: now(), warn });
    ledger ??= await opening;
    const current = ledger;
    try {
      return current.transaction(() => work(current));
    } catch {
      if (!closed) warn('the ledger of the vault cannot be written: requests are counted in this process only');
      current.close();
      ledger = await openLedger(undefined, { now: now(), warn });
      const instead = ledger;
      return instead.transaction(() => work(instead));
    }
  }

  function tell(state: QuotaEvent['state'], error?: FlowError): void {
    const next = state === 'available' ? 'closed' : state;
    if (told === next) return;
    told = next;
    onEvent({ vault: vault.address, state, code: error?.code, retryAfter: error?.retryAfter });
  }

  async function admitted(who: QuotaIdentity, call: Call): Promise<Ticket> {
    const answer: Ticket | Refusal = await onLedger((open) => account.admit(open, who, call));
    if (!('refused' in answer)) {
      if (told === 'exhausted' && !call.urgent) tell('available');
      return answer;
    }
    // what failed is the token's alone, and it may have been replaced
    if (answer.state === 'open' && (await vault.quota?.renewed?.()) === true) {
      identity = await whose();
      if (identity !== undefined) return admitted(identity, call);
    }
    tell(answer.state, answer.refused);
    throw answer.refused;
  }

  async function settle(ticket: Ticket, error?: FlowError): Promise<void> {
    const total = vault.requests();
    const used = total - counted;
    counted = total;
    const isOpen = await onLedger((open) => account.settle(open, ticket, used, error));
    if (isOpen && error !== undefined) tell('open', error);
    if (!isOpen && error === undefined && told === 'open') tell('closed');
  }

  async function governed<T>(call: Call, work: () => Promise<T>): Promise<T> {
    identity = await whose();
    if (identity === undefined) return work();
    const ticket = await admitted(identity, { ...call, expected: call.expected + (cold ? cost.signIn : 0) });
    try {
      const result = await work();
      cold = false;
      await settle(ticket);
      return result;
    } catch (error) {
      await settle(ticket, error instanceof FlowError ? error : new FlowError('internal', 'an unexpected fault'));
      throw error;
    }
  }

  async function readGoverned(references: readonly Reference[], urgent: boolean) {
    const values = new Map<string, Secret | FlowError>();
    const wanted = references.filter((reference) => {
      const missed = urgent ? undefined : misses.get(reference.toString());
      if (missed !== undefined) values.set(reference.toString(), missed);
      return missed === undefined;
    });
    if (wanted.length === 0) return values;
    const vaults = new Set(wanted.map((reference) => reference.vault)).size;
    const expected = vaults + Math.ceil(wanted.length / cost.batch);
    const read = await governed({ kind: 'read', expected, urgent }, () => vault.read(wanted));
    for (const [key, value] of read) {
      values.set(key, value);
      if (value instanceof FlowError) misses.set(key, value);
      else misses.delete(key);
    }
    return values;
  }

  function itemsOf(items: VaultItems, urgent: boolean): VaultItems {
    const reading = { kind: 'read', expected: 3, urgent } as const;
    const writing = <T>(work: () => Promise<T>): Promise<T> =>
      governed({ kind: 'write', expected: 3, urgent }, work).finally(() => misses.clear());
    return {
      get: (item) => governed(reading, () => items.get(item)),
      find: (name, tag) => governed(reading, () => items.find(name, tag)),
      vaults: () => governed({ ...reading, expected: 1 }, () => items.vaults()),
      list: (vault) => governed({ ...reading, expected: 1 }, () => items.list(vault)),
      createAll: (vault, made) => writing(() => items.createAll(vault, made)),
      createLogin: (login) => writing(() => items.createLogin(login)),
      setOneTimePassword: (item, seed, how) => writing(() => items.setOneTimePassword(item, seed, how)),
      setFields: (item, fields, options) => writing(() => items.setFields(item, fields, options)),
      archive: (item) => writing(() => items.archive(item)),
    };
  }

  async function close(): Promise<void> {
    closed = true;
    await vault.close();
    await opening?.catch(() => undefined);
    ledger?.close();
    ledger = undefined;
  }

  const view = (urgent: boolean): Vault => ({
    get address() {
      return vault.address;
    },
    read: (references) => readGoverned(references, urgent),
    ...(vault.items === undefined ? {} : { items: itemsOf(vault.items, urgent) }),
    ...(vault.health === undefined ? {} : { health: vault.health }),
    requests: () => vault.requests(),
    close,
  });
  const urgent = view(true);

  return {
    ...view(false),
    get address() {
      return vault.address;
    },
    urgent,
    usage: () => (identity === undefined || ledger === undefined ? undefined : account.state(ledger, identity)),
  };
}
