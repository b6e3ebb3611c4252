import type { PushDuty, SecretStore } from '../adapters/stores/contract.ts';
import { connection } from '../adapters/connection-forms.ts';
import { someOf } from '../foundation/errors.ts';
import { parseDuration } from '../foundation/duration.ts';
import { durationForm } from '../language/duration-form.ts';
import { form, optional, required, withDefault, type InputOf } from '../language/forms.ts';
import { writeStep, type Change, type StepContext } from './contract.ts';
import { secretKeys } from './store-push/declared-secrets.ts';
import { problemsOf, pruneProblems, warningsOf } from './store-push/input-problems.ts';
import { changeOf } from './store-push/prune.ts';
import { pendingIn, takeBackPending } from './store-push/pending.ts';
import { carryOut, pendingOf, preparePush, type Push } from './store-push/push.ts';

const keys = {
  store: required(connection('stores'), 'where the secrets go', { example: '${{ stores.aws }}' }),
  secrets: required(
    form.list(form.object(secretKeys, { exactlyOne: ['value', 'template'] }), { minimum: 1 }),
    'what is pushed, each name once',
  ),
  stage: withDefault(
    form.oneOf('current', 'pending'),
    'current',
    'pending: a value that differs is stored and not put in force before store/promote; a new secret is in force at once',
  ),
  adopt: withDefault(form.boolean(), false, 'takes over secrets that exist and were never pushed from here'),
  prune: withDefault(
    form.boolean(),
    false,
    'deletes what this step has pushed, once it is not declared any more; declared again, it is restored',
  ),
  deletion: optional(
    form.object({ after: required(durationForm, 'how long what is pruned can be taken back', { example: '30d' }) }),
    'how `prune` deletes; default: after 30 days',
  ),
};

/** One-way: values go from the vault to the store, and are never read back. */
export const storePush = writeStep({
  name: 'store/push',
  aliases: ['secrets-manager/push'],
  summary: 'Pushes secrets of the vault into a secret store, writing only what differs.',
  effect: 'write',
  with: keys,
  output: {
    counts: { type: 'json', description: 'how many were created, adopted, updated, and left as they are' },
    pending: { type: 'json', description: 'name and version of each value that is stored and not in force yet' },
    changed: { type: 'json', description: 'name and identifier of each secret whose value is another one now' },
    removed: { type: 'json', description: 'name and identifier of each secret that is to be deleted, by `prune`' },
  },
  options: ['adopt', 'overwrite', 'strict', 'prune-most'],
  needs: ['fingerprint-key'],
  check: ({ secrets = [], prune, deletion }, given, { rulesOf, varies }) => [
    ...problemsOf(secrets, 'in part', rulesOf('store'), prune),
    ...warningsOf(secrets, rulesOf('store')),
    ...pruneProblems({ prune, after: deletion?.after, given }, rulesOf('store'), varies),
  ],
  pushes: ({ secrets, prune }) => ({
    to: 'store',
    names: secrets?.map(({ name }) => name) ?? [undefined],
    does: new Set<PushDuty>([
      ...(prune === true ? (['delete'] as const) : []),
      ...(secrets ?? []).flatMap((each) => [
        ...(each['kms-key'] === undefined &&
        each.replicas?.every((replica) => replica['kms-key'] === undefined) !== false
          ? []
          : (['kms'] as const)),
        ...(each.replicas === undefined ? [] : (['replicas'] as const)),
        ...(each['resource-policy'] === undefined ? [] : (['resource-policy'] as const)),
      ]),
    ]),
  }),
  async plan(input, context) {
    const { store, secrets, stage = 'current', adopt = false, prune = false } = input;
    if (store === undefined || secrets === undefined) return { changes: [] };
    const days = daysOf(input);
    const { decisions, removals } = await preparePush({ store, secrets, stage, adopt, prune, days }, context);
    warnOfNames(store, decisions, context);
    const declared = decisions.map(({ action, declared: { name }, detail }): Change => ({
      action,
      what: `secret "${name.name}"`,
      ...(detail === undefined ? {} : { detail }),
    }));
    const changes = [...declared, ...removals.map(changeOf)];
    if (changes.some((each) => each.action !== 'none')) return { changes };
    const counts = { create: 0, adopt: 0, update: 0, none: decisions.length };
    return { changes, output: { counts, pending: pendingOf(decisions), changed: [], removed: [] } };
  },
  async run(input: InputOf<typeof keys>, context: StepContext) {
    // two runs at once would each take the other's write for someone else's
    return context.locked(`store/push ${input.store.scope ?? input.store.address}`, async () =>
      carryOut(await preparePush({ ...input, days: daysOf(input) }, context), context),
    );
  },
  async withdraw({ store }, { pending }, context) {
    const held = pendingIn(pending);
    if (store === undefined || held.length === 0) return false;
    return context.locked(`store/push ${store.scope ?? store.address}`, () => takeBackPending(store, held, context));
  },
});

/** Whole days in which a deletion can be taken back. */
function daysOf({ deletion }: Partial<InputOf<typeof keys>>): number {
  return (parseDuration(deletion?.after ?? '30d') ?? 0) / 86_400;
}

/** Names that the store takes and a person may regret; here and not in the run, which is always planned first. */
function warnOfNames({ rules }: SecretStore, decisions: Push['decisions'], context: StepContext): void {
  const names = decisions.map(({ declared }) => declared.name).filter(({ id }) => id === undefined);
  const warned = Map.groupBy(names, ({ name }) => rules.warning?.(name));
  for (const [warning, all] of warned) {
    if (warning === undefined) continue;
    context.warn(
      `${someOf(all.map(({ name }) => `secret "${name}"`))}: ${all.length === 1 ? warning : `each ${warning}`}`,
    );
  }
}
