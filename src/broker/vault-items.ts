import type { Item, ItemField, NamedVault, VaultItems } from '../adapters/vaults/contract.ts';
import { writableItems } from '../adapters/vaults/writable-items.ts';
import type { App } from '../app/open-app.ts';
import type { AuditAction } from '../audit/contract.ts';
import { type ItemPlace, type ItemUse, type NamedThing, placeOf } from '../folder/policy/vault-paths.ts';
import type { BrokerClock } from '../foundation/clocks.ts';
import { asFlowError, FlowError } from '../foundation/errors.ts';
import { createMemory } from '../foundation/expiring-memory.ts';
import { bestNamed, idForm, sameName, type Spellings } from '../foundation/names.ts';
import { encodeSegment, Reference } from '../foundation/reference.ts';
import { safeLine } from '../foundation/safe-line.ts';
import { createTurns } from '../foundation/turns.ts';
import type { Audited, Granted } from './audited-answers.ts';
import type { BrokerItems, Caller, ItemChange, WrittenItem } from './contract.ts';
import type { Permission } from './permission.ts';
import { BrokerRefusal } from './refusal.ts';

export interface VaultItemsOptions {
  readonly app: Pick<App, 'connections' | 'environment'>;
  readonly audited: Pick<Audited, 'answer'>;
  readonly permission: Pick<Permission, 'count' | 'item' | 'mayHaveItems'>;
  readonly clock: BrokerClock;
}

/** Where a request is, by names of the vault: what is not found in it is missing there. */
interface Located {
  readonly items: VaultItems;
  readonly vault: NamedVault;
  /** of the vault as it is named there, of the item as the path has it */
  readonly place: ItemPlace;
}

/** milliseconds that the names of the vaults are remembered: each request needs them */
const vaultsKept = 60_000;
/** times that a change is begun again, where others change the same item */
const mostRounds = 3;

/**
 * Items by their paths. A vault is asked only where a line of policy.yaml is about it; then what is there decides, by
 * its id and its title as they are now, so that another name of an item opens nothing.
 */
export function createVaultItems({ app, audited, permission, clock }: VaultItemsOptions): BrokerItems {
  const known = createMemory<readonly NamedVault[]>({ clock, capacity: 1 });
  // two who make an item of one title at once would make it twice
  const inTurn = createTurns();

  const allVaults = async (items: VaultItems) =>
    known.get(
      'vaults',
      () => items.vaults(),
      () => ({ ends: clock.monotonic() + vaultsKept }),
    );

  const itemsOf = async (): Promise<VaultItems> => writableItems((await app.connections()).vault);

  /** @throws BrokerRefusal not-allowed, where there is no such vault or no line about it */
  async function located(caller: Caller, path: string): Promise<Located> {
    const asked = placeOf(path);
    if (asked === undefined || !permission.mayHaveItems(caller)) throw new BrokerRefusal('not-allowed');
    const items = await itemsOf();
    const [first = '', ...others] = asked.vault.titles;
    const names: Spellings = [first, ...others];
    const [vault, ...more] = bestNamed(await allVaults(items), names, ({ id, title }) => ({ id, name: title }));
    if (vault === undefined) throw new BrokerRefusal('not-allowed', { detail: 'no vault has this name' });
    if (more.length > 0) throw new BrokerRefusal('not-allowed', { detail: 'more than one vault has this name' });
    const thing = thingIn(vault);
    if (!permission.mayHaveItems(caller, thing)) throw new BrokerRefusal('not-allowed');
    return { items, vault, place: { vault: thing, item: asked.item } };
  }

  /** The item as it is now; undefined where there is none. */
  async function itemAt({ items, vault, place }: Located): Promise<Item | undefined> {
    for (const item of place.item?.titles ?? []) {
      try {
        return await items.get(Reference.of({ vault: vault.name, item }));
      } catch (error) {
        const found = asFlowError(error);
        if (found.about !== 'subject') throw error;
        if (found.code === 'not-found') continue;
        // whether it is there at all is not told, but by the trail
        throw new BrokerRefusal('not-allowed', { detail: found.code, cause: found });
      }
    }
    return undefined;
  }

  const answer = async <T>(
    caller: Caller,
    action: AuditAction,
    path: string,
    work: () => Promise<Granted<T>>,
  ): Promise<T> =>
    audited.answer(caller, action, [toldPath(path)], async () => {
      permission.count(caller);
      return work();
    });

  /** The item that `key:` names: whoever has it is the broker, and no line was meant so. */
  const isOwnKey = ({ vault }: Located, item: Pick<Item, 'id' | 'title'>): boolean =>
    app.environment().key.some((key) => isNamed(key.vault, vault) && isNamed(key.item, item));

  const allowed = (caller: Caller, use: ItemUse, at: Located, item: Pick<Item, 'id' | 'title'>): string => {
    if (isOwnKey(at, item)) throw new BrokerRefusal('not-allowed', { detail: 'key: of service.yaml' });
    return permission.item(caller, use, { vault: at.place.vault, item: thingIn(item) });
  };

  const may = (work: () => string): boolean => {
    try {
      work();
      return true;
    } catch (error) {
      if (error instanceof BrokerRefusal && error.code !== 'run-ended') return false;
      throw error;
    }
  };

  async function written(caller: Caller, at: Located, change: ItemChange): Promise<Granted<WrittenItem>> {
    const item = await itemAt(at);
    if (item === undefined) return made(caller, at, change);
    const rule = allowed(caller, 'update', at, item);
    if (change.title !== undefined && !sameName(change.title, item.title))
      throw new BrokerRefusal('invalid-request', { detail: 'an item keeps its title' });
    const { id, createdAt, version } = await at.items.setFields(item, changesOf(item, change));
    return { value: { id, createdAt }, rule, detail: `item ${id}, version ${version}` };
  }

  async function made(caller: Caller, at: Located, { fields }: ItemChange): Promise<Granted<WrittenItem>> {
    const { items, vault, place } = at;
    const title = place.item?.titles[0] ?? '';
    // what is asked for by an id is there, or not to be
    if (idForm.test(title)) throw new BrokerRefusal('not-allowed', { detail: 'not-found' });
    const rule = permission.item(caller, 'create', { vault: place.vault, item: { titles: [title] } });
    const given = [...fields].flatMap(([label, field]) => (field === undefined ? [] : [{ label, ...field }]));
    await items.createAll(vault.name, [{ title, tags: [], fields: given }]);
    const { id, createdAt } = await items.get(Reference.of({ vault: vault.name, item: title }));
    return { value: { id, createdAt }, rule, detail: `item ${id}, new` };
  }

  return {
    vaults: (caller) =>
      answer(caller, 'items.list', 'op/vaults', async () => {
        if (!permission.mayHaveItems(caller)) throw new BrokerRefusal('not-allowed');
        const all = await allVaults(await itemsOf());
        return {
          value: all.filter((vault) => may(() => permission.item(caller, 'list', { vault: thingIn(vault) }))),
          rule: undefined,
        };
      }),
    list: (caller, path) =>
      answer(caller, 'items.list', path, async () => {
        const at = await located(caller, path);
        permission.item(caller, 'list', at.place);
        const all = await at.items.list(at.vault.name);
        const rule = permission.item(caller, 'list', at.place);
        const value = all.filter((item) => may(() => allowed(caller, 'read', at, item)));
        return { value, rule, source: 'vault' };
      }),
    read: (caller, path) =>
      answer(caller, 'item.read', path, async () => {
        const at = await located(caller, path);
        const item = await itemAt(at);
        if (item === undefined) throw new BrokerRefusal('not-allowed', { detail: 'not-found' });
        const rule = allowed(caller, 'read', at, item);
        const value = new Map([...labelled(item)].map(([label, field]) => [label, field.value]));
        const values = [...value.values()].map(
          (each) => ({ name: toldPath(path), kind: 'secret', value: each }) as const,
        );
        return { value, rule, values, source: 'vault', detail: `item ${item.id}, version ${item.version}` };
      }),
    write: (caller, path, change) =>
      answer(caller, 'item.written', path, async () => {
        const at = await located(caller, path);
        return inTurn(at.vault.id, async () => {
          for (let round = 1; ; round += 1) {
            try {
              return await written(caller, at, change);
            } catch (error) {
              // somebody changed it since it was read: looked at, decided and changed anew
              if (!(error instanceof FlowError) || error.code !== 'conflict' || round === mostRounds) throw error;
            }
          }
        });
      }),
    remove: (caller, path) =>
      answer(caller, 'item.deleted', path, async () => {
        const at = await located(caller, path);
        const item = await itemAt(at);
        if (item === undefined) return { value: undefined, rule: permission.item(caller, 'delete', at.place) };
        const rule = allowed(caller, 'delete', at, item);
        await at.items.archive(item);
        return { value: undefined, rule, detail: `item ${item.id}, version ${item.version}` };
      }),
  };
}

function isNamed(name: string, { id, title }: Pick<NamedVault, 'id' | 'title'>): boolean {
  return name === id || [name, encodeSegment(name)].some((each) => sameName(each, title));
}

function thingIn({ id, title }: Pick<NamedVault, 'id' | 'title'>): NamedThing {
  return { id, titles: [title] };
}

/** For the trail: one line, and no longer than a path that somebody means. */
function toldPath(path: string): string {
  return safeLine(path.slice(0, 200));
}

/**
 * Fields by the labels that an answer has: as in references, what stands outside of sections comes first. A label that is
 * taken is told with its section, else by its id.
 */
function labelled({ fields }: Item): ReadonlyMap<string, ItemField> {
  const given = new Map<string, ItemField>();
  const sorted = fields.toSorted(
    (one, other) => Number(one.section !== undefined) - Number(other.section !== undefined),
  );
  for (const field of sorted) {
    const { id, label, section, type } = field;
    // who has a seed has every code there will be: it takes a flow to give one
    if (type === 'one-time-password') continue;
    const names = [label, ...(section === undefined ? [] : [`${section}.${label}`]), id];
    const name = names.find((each) => each !== '' && !given.has(each));
    if (name !== undefined) given.set(name, field);
  }
  return given;
}

/** @throws BrokerRefusal invalid-request */
function changesOf(item: Item, { fields }: ItemChange) {
  const before = labelled(item);
  return [...fields].flatMap(([label, change]) => {
    const field = before.get(label);
    if (field === undefined && item.fields.some((each) => each.label === label))
      throw new BrokerRefusal('invalid-request', { detail: 'a one-time password is changed by a flow' });
    if (field === undefined && change === undefined) return [];
    return [{ field: field ?? { label }, value: change?.value }];
  });
}
