import type { StoreRules } from '../../adapters/stores/contract.ts';
import { parseDuration } from '../../foundation/duration.ts';
import type { Connected, InputProblem } from '../contract.ts';
import { metadataOf, type PartialEntry } from './declared-secrets.ts';
import { ownerTag } from './prune.ts';

/**
 * What the store would refuse, or would take and regret, as far as it can be told from what is known: used when the
 * files load and again when everything is. @param rules undefined: which store it is, is not known yet
 * @param prune each secret gets the push's own tag too
 */
export function problemsOf(
  entries: readonly PartialEntry[],
  known: 'in part' | 'all',
  rules: StoreRules | undefined,
  prune = false,
): readonly InputProblem[] {
  const found: InputProblem[] = [];
  const names = new Map<string, number>();
  const areTaken = (tags: Readonly<Record<string, string>>) => (rules?.problems({ tags }) ?? []).length === 0;
  for (const [index, entry] of entries.entries()) {
    const at = (key: string) => `secrets[${index}].${key}`;
    const report = (key: string, problem: string, hint?: string) =>
      void found.push({ key: at(key), problem: `"${at(key)}" ${problem}`, hint });
    const { tags } = entry;
    for (const { key, problem, hint } of rules?.problems({ name: entry.name, ...metadataOf(entry) }) ?? [])
      report(key, problem, hint);
    for (const key of ['replicas', 'resource-policy'] as const)
      if (entry[key] !== undefined && rules !== undefined && rules.details?.has(key) !== true)
        report(key, 'says nothing to this store', 'leave it out');
    if (tags !== undefined && Object.hasOwn(tags, ownerTag))
      report('tags', `hold "${ownerTag}", which is kept for the push itself`);
    else if (prune && tags !== undefined && areTaken(tags) && !areTaken({ ...tags, [ownerTag]: '' }))
      report('tags', `leave no room for "${ownerTag}", which a push with prune adds`, 'declare one less');
    if (entry.name !== undefined) {
      const name = rules?.nameOf(entry.name).name ?? entry.name;
      const before = names.get(name);
      if (before !== undefined)
        report('name', `is the same secret as secrets[${before}].name`, 'declare each secret once');
      else names.set(name, index);
    }
    if (entry.value !== undefined && entry.template !== undefined) {
      report('template', 'stands next to a value', 'give one of value and template');
    }
    if (known === 'all' && entry.value === undefined && entry.template === undefined) {
      report('value', 'is missing', 'give a value or a template');
    }
    if (
      known === 'all' &&
      typeof entry.value === 'object' &&
      Object.keys(entry.value).length === 0 &&
      !('itemReference' in entry.value)
    ) {
      report('value', 'is an empty mapping', 'name at least one key');
    }
  }
  return found;
}

/** What the store takes and a person may regret, as far as it can be told from what is known. */
export function warningsOf(entries: readonly PartialEntry[], rules: StoreRules | undefined): readonly InputProblem[] {
  return entries.flatMap(({ name }, index) => {
    const regretted = name === undefined ? undefined : rules?.warning?.(name);
    return regretted === undefined ? [] : [{ key: `secrets[${index}].name`, problem: regretted, warning: true }];
  });
}

interface Prune {
  /** undefined: known when the flow runs */
  readonly prune: boolean | undefined;
  readonly after: string | undefined;
  /** keys that the file gives */
  readonly given: ReadonlySet<string>;
}

/** What stands against deleting what is not declared any more, as far as it can be told when the files load. */
export function pruneProblems(
  { prune, after, given }: Prune,
  rules: StoreRules | undefined,
  varies: Connected['varies'],
): readonly InputProblem[] {
  const found: InputProblem[] = [];
  const report = (key: string, problem: string, hint: string) =>
    void found.push({ key, problem: `"${key}" ${problem}`, hint });
  if (prune === undefined && given.has('prune'))
    report('prune', 'is known only when the flow runs', 'write true or false: what deletes stands in a reviewed file');
  if (prune === false && given.has('deletion'))
    report('deletion', 'stands there without prune: true', 'add prune: true, or leave it out');
  if (prune !== true) return found;
  const window = rules?.recoveryWindow;
  if (rules !== undefined && window === undefined)
    report('prune', 'wants a store that can take a deletion back, and this one cannot', 'leave it out; delete by hand');
  const days = (parseDuration(after ?? '30d') ?? 0) / 86_400;
  if (window !== undefined && (!Number.isInteger(days) || days < window.least || days > window.most))
    report('deletion.after', `is not a number of days from ${window.least}d to ${window.most}d`, 'write it as in 30d');
  // who runs it with another input would delete what others hold by theirs
  if (varies('secrets', 'name'))
    report(
      'prune',
      'wants names that are the same in every run, and one has an input or a step’s output in it',
      'write the names with vars, or leave prune: out',
    );
  return found;
}
