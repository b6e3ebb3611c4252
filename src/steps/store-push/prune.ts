import { asFlowError, FlowError } from '../../foundation/errors.ts';
import type { Deletion, SecretStore, StoredSecret } from '../../adapters/stores/contract.ts';
import type { Change, StepContext } from '../contract.ts';
import type { DeclaredSecret } from './declared-secrets.ts';
import { isOurs, type FingerprintKeys } from './version-name.ts';

/** The tag that says which step pushed a secret last; only a push with `prune` begins it. */
export const ownerTag = 'flows-owner';

/** What a push with `prune` does about a secret that it pushed and that is not declared any more. */
export interface Removal {
  readonly stored: StoredSecret;
  /** none: it is left, for a reason that a person is told */
  readonly action: 'remove' | 'none' | 'conflict';
  readonly detail: string;
}

export interface Pruning {
  readonly store: SecretStore;
  readonly keys: FingerprintKeys;
  /** of this step, new first */
  readonly marks: readonly string[];
  readonly declared: readonly DeclaredSecret[];
  /** in which a deletion can be taken back */
  readonly days: number;
}

/**
 * What is to be deleted: it bears this step's mark, its value in force is one that we pushed under this very name, and it
 * is not declared. Each is looked at by itself, since the list may lag.
 * @throws FlowError where the list cannot be had whole
 */
export async function removalsOf(
  { store, keys, marks, declared, days }: Pruning,
  context: StepContext,
): Promise<readonly Removal[]> {
  const { tagged } = deletionOf(store);
  const held = (await tagged(ownerTag, marks, context.signal)).filter((each) => !each.scheduledForDeletion);
  const names = new Set(declared.map(({ name }) => name.name));
  const listed = held.filter(({ name }) => !names.has(name)).map(({ name, id }) => ({ name, id }));
  if (listed.length === 0) return [];
  const looked = await store.inspect(listed, { strict: true, signal: context.signal });
  const gone = [...looked.values()]
    .filter(({ tags, scheduledForDeletion }) => !scheduledForDeletion && marks.includes(tags[ownerTag] ?? ''))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map((stored) => ({ stored, keep: whyKept(stored, keys) }));
  const some = gone.filter(({ keep }) => keep === undefined).length;
  const most = some * 2 > held.length && !context.options.has('prune-most');
  return gone.map(({ stored, keep }): Removal => {
    if (keep !== undefined) return { stored, action: 'none', detail: `not declared any more, and left: ${keep}` };
    const detail = `not declared any more; can be taken back for ${days} days`;
    if (!most) return { stored, action: 'remove', detail };
    const share = `${some} of the ${held.length} that this step has pushed`;
    return { stored, action: 'conflict', detail: `not declared any more, as are ${share}: --prune-most deletes them` };
  });
}

export const changeOf = ({ stored, action, detail }: Removal): Change => ({
  action,
  what: `secret "${stored.name}"`,
  detail,
});

/** Schedules what is to be removed; each by itself. @throws FlowError telling what was not */
export async function carryOutRemovals(
  removals: readonly Removal[],
  { store, days }: Pick<Pruning, 'store' | 'days'>,
  context: StepContext,
): Promise<readonly StoredSecret[]> {
  const due = removals.filter(({ action }) => action === 'remove').map(({ stored }) => stored);
  if (due.length === 0) return [];
  const deletion = deletionOf(store);
  context.progress(`scheduling ${due.length} ${due.length === 1 ? 'secret' : 'secrets'} for deletion`);
  const failed: FlowError[] = [];
  await Promise.all(
    due.map(async (stored) => {
      try {
        await deletion.schedule(stored, days, context.signal);
      } catch (error) {
        failed.push(asFlowError(error).at({ subject: `secret "${stored.name}"` }));
      }
    }),
  );
  const [first] = failed;
  if (first === undefined) return due;
  for (const each of failed) context.warn(each.line());
  const done = `all is pushed, and ${due.length - failed.length} of ${due.length} scheduled for deletion`;
  throw new FlowError(first.code, `${done}: ${first.place.subject ?? ''}: ${first.message}`, {
    hint: [first.hint, 'the next run does the rest'].filter((each) => each !== undefined).join('; '),
    cause: first,
  });
}

function deletionOf({ deletion, address }: SecretStore): Deletion {
  if (deletion !== undefined) return deletion;
  throw new FlowError('refused', 'the store deletes nothing that could be taken back', {
    hint: 'leave prune: out',
    place: { subject: address },
  });
}

/** Why a secret of this step stays all the same. */
function whyKept({ name, current, owner, replicas = [] }: StoredSecret, keys: FingerprintKeys): string | undefined {
  if (owner !== undefined) return owner;
  // they end at once and for good: that is for a person to do
  if (replicas.length > 0)
    return `it has replicas in ${replicas.map(({ region }) => region).join(', ')}; end them first`;
  if (current !== undefined && isOurs(keys, name, current)) return undefined;
  return 'someone else has written it since';
}
