import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Item, NamedItem, VaultItems } from '../../adapters/vaults/contract.ts';
import { codeOf, FlowError } from '../../foundation/errors.ts';
import { makeFolder } from '../../foundation/make-folder.ts';
import { Reference } from '../../foundation/reference.ts';
import { Secret } from '../../foundation/secret.ts';
import { createBirths } from './births.ts';
import type { Line } from './report.ts';

/** on the item that says that a migration goes on, whoever's */
const lockTag = 'flows:migrating';
const title = 'flows migrate vault: goes on';
/** milliseconds between two looks, for another machine to give way */
const pause = 1_000;
/** looks until who is there still is taken to have it */
const looks = 5;

export interface VaultLockOptions {
  readonly items: VaultItems;
  /** the same whenever this machine and this environment go on: {@link holderIn} */
  readonly holder: string;
  /** what another machine left is taken away: a person knows that its run ended */
  readonly takeOver?: boolean;
  readonly sleep: (milliseconds: number) => Promise<void>;
  /** epoch milliseconds */
  readonly now: () => number;
}

/** Holds a vault, as far as 1Password lets one. */
export interface VaultLock {
  /**
   * @returns the vault's items as they are now
   * @throws FlowError conflict where another machine has it, with its host and since when
   */
  take(vault: string): Promise<readonly NamedItem[]>;
  /** Lets go of it, also where an earlier run of this machine left it. @param listed the vault's items */
  release(vault: string, listed: readonly NamedItem[]): Promise<void>;
}

/**
 * One migration at a time for each vault, on whichever machines. 1Password makes no item on a condition, so each says
 * that it goes on by an item of its own and then looks: only who is alone goes on. Where two are there, the younger
 * gives way at once, and the older waits until it has; who does not give way was alone before, and has it.
 */
export function createVaultLock({ items, holder, takeOver = false, sleep, now }: VaultLockOptions): VaultLock {
  const ownTag = `${lockTag}:${holder}`;
  const isOwn = ({ tags }: Pick<Item, 'tags'>) => tags.includes(ownTag);
  const others = (listed: readonly NamedItem[]) => listed.filter((each) => each.tags.includes(lockTag) && !isOwn(each));
  const oldestOther = (found: readonly Item[]) => found.filter((each) => !isOwn(each)).toSorted(byAge)[0];
  const births = createBirths(items);

  /** Once, whatever becomes of the request. Who may not write there is told so of each item. */
  async function say(vault: string): Promise<void> {
    const note = (label: string, value: string) => ({ label, type: 'text', value: new Secret(value) }) as const;
    const since = new Date(now()).toISOString();
    const item = { title, tags: [lockTag, ownTag], fields: [note('host', hostname()), note('since', since)] };
    const line: Line = { path: title, outcome: 'moved' };
    await births.bear(vault, [{ line, item }], ({ outcome, why }) => {
      if (outcome !== 'moved' && outcome !== 'denied')
        throw new FlowError('conflict', `vault "${vault}" is not free to be written: ${why ?? outcome}`);
    });
  }

  async function archive(vault: string, listed: readonly NamedItem[]): Promise<void> {
    for (const { id } of listed) await items.archive({ vault, id, reference: Reference.of({ vault, item: id }) });
  }

  return {
    async take(vault) {
      let listed = await items.list(vault);
      if (takeOver) await archive(vault, others(listed));
      else if (others(listed).length > 0) throw taken(vault, oldestOther(await items.find(vault, lockTag)));
      if (!listed.some(isOwn)) await say(vault);
      listed = await items.list(vault);
      for (let look = 1; others(listed).length > 0; look += 1) {
        const found = await items.find(vault, lockTag);
        const [oldest] = found.toSorted(byAge);
        const other = oldestOther(found);
        if (other !== undefined && (oldest === other || look >= looks)) {
          await archive(vault, listed.filter(isOwn));
          throw taken(vault, other);
        }
        await sleep(pause);
        listed = await items.list(vault);
      }
      return listed;
    },
    release: async (vault, listed) => archive(vault, listed.filter(isOwn)),
  };
}

/** Who this is to other machines, kept in the state folder: the same after a crash. */
export function holderIn(stateFolder: string, environment: string): string {
  const folder = join(stateFolder, 'migrations');
  const file = join(folder, environment);
  makeFolder(folder, 0o700);
  try {
    writeFileSync(file, randomUUID(), { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
  return readFileSync(file, 'utf8');
}

/** The times are the service's own where it gives them; of one second, the id decides. */
function byAge(one: Item, other: Item): number {
  return one.createdAt - other.createdAt || (one.id < other.id ? -1 : 1);
}

function taken(vault: string, by: Item | undefined): FlowError {
  const noted = (label: string) => by?.fields.find((field) => field.label === label)?.value.reveal() ?? 'unknown';
  return new FlowError(
    'conflict',
    `host "${noted('host')}" moves secrets into vault "${vault}" since ${noted('since')}`,
    { hint: 'wait for it to end, or run it there again; if it ended and nobody goes on there: --take-over' },
  );
}
