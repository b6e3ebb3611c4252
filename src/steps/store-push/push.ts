import { asFlowError, FlowError, someOf } from '../../foundation/errors.ts';
import type { StepContext } from '../contract.ts';
import type { Secret } from '../../foundation/secret.ts';
import type { SecretStore } from '../../adapters/stores/contract.ts';
import { declaredSecretOf, type DeclaredSecret, type PartialEntry } from './declared-secrets.ts';
import { withDetails } from './details.ts';
import { carryOutRemovals, ownerTag, removalsOf, type Removal } from './prune.ts';
import { decide, heldBack, type Decision, type Permissions } from './push-decision.ts';
import { isOurs, ownerMark, type FingerprintKeys } from './version-name.ts';
import { problemsOf } from './input-problems.ts';
import type { Pending } from './pending.ts';
import { valuesOf } from './secret-values.ts';

/** After so many failures the rest is not tried: it would fail for the same reason. */
const patience = 25;

export interface Push {
  readonly store: SecretStore;
  readonly keys: FingerprintKeys;
  readonly permissions: Permissions;
  readonly decisions: readonly Decision[];
  readonly removals: readonly Removal[];
  /** in which a deletion can be taken back */
  readonly days: number;
}

export interface PushInput {
  readonly store: SecretStore;
  readonly secrets: readonly PartialEntry[];
  readonly stage: 'current' | 'pending';
  readonly adopt: boolean;
  /** what this step pushed and does not declare any more is deleted */
  readonly prune: boolean;
  /** in which that can be taken back */
  readonly days: number;
}

/** Reads the values, looks at what is stored, and decides; changes nothing. */
export async function preparePush(input: PushInput, context: StepContext): Promise<Push> {
  const { store, stage } = input;
  if (stage === 'pending' && store.promote === undefined)
    throw new FlowError('refused', 'the store cannot hold a value back', {
      hint: 'leave stage: out, and a value is in force as it is pushed',
      place: { subject: store.address },
    });
  const declared = requireGood(input, store);
  const names = declared.map((each) => each.name);
  await store.verify(names); // before the vault is asked for anything
  const values = await valuesOf(declared, store.rules, context);
  const keys = await (store.fingerprintKeys?.() ?? context.derivedKeys('fingerprint'));
  const marks = keys.map((key) => ownerMark(key, context));
  const permissions = {
    adopt: input.adopt || context.options.has('adopt'),
    overwrite: context.options.has('overwrite'),
    restore: input.prune ? marks : [],
  };
  const strict = context.options.has('strict');
  const stored = await store.inspect(names, { strict, signal: context.signal });
  const decisions = await Promise.all(
    declared.map(async (each, index) => {
      const there = await withDetails(store, each, stored.get(each.name.name), context.signal);
      // who declares it now has it: another step that pushed it before does not delete it
      const marked = input.prune || there?.tags[ownerTag] !== undefined ? markedBy(marks[0], each) : each;
      const decision = decide(marked, required(values[index]), there, keys, permissions, store.rules);
      const found =
        decision.action === 'adopt' ? await confirmAdoption(decision, store, keys, permissions, context) : decision;
      return stage === 'pending' ? heldBack(found, keys) : found;
    }),
  );
  const pruning = { store, keys, marks, declared, days: input.days };
  const removals = input.prune ? await removalsOf(pruning, context) : [];
  return { store, keys, permissions, decisions, removals, days: input.days };
}

function markedBy(mark: string | undefined, declared: DeclaredSecret): DeclaredSecret {
  const { metadata } = declared;
  if (mark === undefined) return declared;
  return { ...declared, metadata: { ...metadata, tags: { ...metadata.tags, [ownerTag]: mark } } };
}

/** A version of ours loses its last label once two others have been written: before adopting, the unlabelled are asked for. */
async function confirmAdoption(
  decision: Decision,
  store: SecretStore,
  keys: FingerprintKeys,
  permissions: Permissions,
  context: StepContext,
): Promise<Decision> {
  const { stored, declared, value } = decision;
  if (stored === undefined || stored.versions.length < 2 || store.versions === undefined) return decision;
  try {
    const versions = await store.versions(stored.id, context.signal);
    if (!versions.some((each) => isOurs(keys, stored.name, each))) return decision;
    return decide(declared, value, { ...stored, versions }, keys, permissions, store.rules);
  } catch (error) {
    // may not be asked: then what the labels tell must do
    if (error instanceof FlowError && error.code === 'denied') return decision;
    throw error;
  }
}

/** What of the decisions is, or will be, stored and not in force. */
export function pendingOf(decisions: readonly Decision[]): readonly Pending[] {
  return decisions.flatMap(({ declared, held }) =>
    held === undefined ? [] : [{ name: declared.name.name, version: held }],
  );
}

export interface Pushed {
  readonly pending: readonly Pending[];
  readonly counts: { readonly create: number; readonly adopt: number; readonly update: number; readonly none: number };
  readonly changed: readonly { readonly name: string; readonly arn: string }[];
  /** what was scheduled for deletion */
  readonly removed: readonly { readonly name: string; readonly arn: string }[];
}

/**
 * Carries the decisions out. A failure does not stop the others: what was pushed stays pushed, the error says what
 * was not, and the next run does the rest.
 */
export async function carryOut(push: Push, context: StepContext): Promise<Pushed> {
  const conflicts = conflictsOf(push);
  if (conflicts.length > 0) throw conflictError(conflicts, context);
  const work = push.decisions.filter((each) => each.action !== 'none');
  const giveUp = new AbortController();
  const signal = AbortSignal.any([context.signal, giveUp.signal]);
  const done: { decision: Decision; id: string }[] = [];
  const failed: FlowError[] = [];
  let untried = 0;
  const step = Math.max(25, Math.ceil(work.length / 20));
  await Promise.all(
    work.map(async (decision) => {
      try {
        done.push(await carryOutOne(decision, push, signal));
        if (done.length % step === 0) context.progress(`pushed ${done.length} of ${work.length} secrets`);
      } catch (error) {
        if (signal.aborted && (error === signal.reason || isAbort(error))) untried += 1;
        else failed.push(asFlowError(error).at({ subject: `secret "${decision.declared.name.name}"` }));
        if (failed.length >= patience) giveUp.abort();
      }
    }),
  );
  if (failed.length > 0 || untried > 0)
    throw failure(
      done.map((each) => each.decision),
      failed,
      untried,
      context,
    );
  // last, and only where all that is declared is there
  const removed = await carryOutRemovals(push.removals, push, context);
  const count = (action: Decision['action']) => done.filter((each) => each.decision.action === action).length;
  return {
    pending: pendingOf(push.decisions),
    counts: {
      create: count('create'),
      adopt: count('adopt'),
      update: count('update') + count('restore'),
      none: push.decisions.length - work.length + count('none'),
    },
    changed: done
      .filter(({ decision }) => decision.changed && decision.held === undefined)
      .map(({ decision, id }) => ({ name: decision.declared.name.name, arn: id }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    removed: removed.map(({ name, id }) => ({ name, arn: id })),
  };
}

async function carryOutOne(
  planned: Decision,
  push: Push,
  signal: AbortSignal,
): Promise<{ decision: Decision; id: string }> {
  const { store } = push;
  let decision = planned;
  try {
    return { decision, id: await apply(decision, store, signal) };
  } catch (error) {
    // a list that lagged did not show it, or another run made it meanwhile: look at it and decide again, once
    if (planned.action !== 'create' || !(error instanceof FlowError) || error.code !== 'conflict') throw error;
    const { declared, value } = planned;
    const looked = (await store.inspect([declared.name], { strict: true, signal })).get(declared.name.name);
    const stored = await withDetails(store, declared, looked, signal);
    if (stored === undefined) throw error;
    decision = decide(declared, value, stored, push.keys, push.permissions, store.rules);
    if (decision.action === 'conflict') throw new FlowError('conflict', decision.detail ?? 'exists', { cause: error });
    return { decision, id: await apply(decision, store, signal) };
  }
}

async function apply(decision: Decision, store: SecretStore, signal: AbortSignal): Promise<string> {
  const { declared, stored, version, value, metadata } = decision;
  if (decision.action === 'restore' && stored !== undefined) await store.deletion?.restore(stored, signal);
  // the key first: a new value is encrypted with the key that is declared
  if (stored !== undefined && metadata !== undefined) await store.annotate(stored.id, metadata, signal);
  if (stored !== undefined && decision.withdrawn !== undefined)
    await store.withdraw?.(stored, decision.withdrawn, signal);
  if (version === undefined) return stored?.id ?? declared.name.name;
  const { id } = await store.write(
    {
      name: declared.name,
      stored,
      version,
      value,
      metadata: declared.metadata,
      isMapping: declared.source.kind === 'json',
      hold: decision.held !== undefined,
    },
    signal,
  );
  return id;
}

function requireGood({ secrets: entries, prune }: PushInput, { rules }: SecretStore): readonly DeclaredSecret[] {
  const problems = problemsOf(entries, 'all', rules, prune);
  const declared = entries.flatMap((each) =>
    each.name === undefined ? [] : (declaredSecretOf({ ...empty, ...each, name: each.name }, rules) ?? []),
  );
  const [first] = problems;
  if (first === undefined) return declared;
  throw new FlowError('invalid', problems.map(({ problem }) => problem).join('; '), {
    hint: first.hint,
  });
}

const empty = {
  value: undefined,
  template: undefined,
  description: undefined,
  'kms-key': undefined,
  tags: undefined,
  replicas: undefined,
  'resource-policy': undefined,
};

function required(value: Secret | undefined): Secret {
  if (value === undefined) throw new FlowError('internal', 'a secret has no value');
  return value;
}

function isAbort(error: unknown): boolean {
  return (
    (error instanceof FlowError && error.code === 'aborted') || (error instanceof Error && error.name === 'AbortError')
  );
}

interface Conflict {
  readonly name: string;
  readonly detail: string | undefined;
}

function conflictsOf({ decisions, removals }: Push): readonly Conflict[] {
  const all = [
    ...decisions.map(({ declared, ...rest }) => ({ name: declared.name.name, ...rest })),
    ...removals.map(({ stored, ...rest }) => ({ name: stored.name, ...rest })),
  ];
  return all.filter(({ action }) => action === 'conflict').map(({ name, detail }) => ({ name, detail }));
}

function conflictError(conflicts: readonly Conflict[], context: StepContext): FlowError {
  for (const { name, detail } of conflicts) context.warn(`secret "${name}": ${detail ?? 'conflict'}`);
  const [first] = conflicts;
  const names = someOf(conflicts.map(({ name }) => `"${name}"`));
  return new FlowError(
    'conflict',
    `${conflicts.length === 1 ? 'secret' : 'secrets'} ${names}: left as ${conflicts.length === 1 ? 'it is' : 'they are'}, and nothing was written`,
    {
      hint: first?.detail,
    },
  );
}

function failure(
  done: readonly Decision[],
  failed: readonly FlowError[],
  untried: number,
  context: StepContext,
): FlowError {
  for (const each of failed) context.warn(each.line());
  const names = done.map((each) => each.declared.name.name).toSorted();
  for (let start = 0; start < names.length; start += 10)
    context.warn(`pushed: ${names.slice(start, start + 10).join(', ')}`);
  const [first] = failed;
  const parts = failed.slice(0, 3).map((each) => `${each.place.subject ?? ''}: ${each.message}`);
  const more = failed.length > 3 ? `; and ${failed.length - 3} more` : '';
  const rest = untried === 0 ? '' : `; ${untried} not tried`;
  return new FlowError(
    first?.code ?? 'aborted',
    `${done.length} pushed, ${failed.length + untried} not: ${parts.join('; ')}${more}${rest}`,
    {
      hint: [first?.hint, 'what was pushed stays pushed, and the next run does the rest']
        .filter((each) => each !== undefined)
        .join('; '),
      cause: first,
    },
  );
}
