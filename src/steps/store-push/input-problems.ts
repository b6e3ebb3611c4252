import type { StoreRules } from '../../adapters/stores/contract.ts';
import type { InputProblem } from '../contract.ts';
import type { PartialEntry } from './declared-secrets.ts';

/**
 * What the store would refuse, or would take and regret, as far as it can be told from what is known: used when the
 * files load and again when everything is. @param rules undefined: which store it is, is not known yet
 */
export function problemsOf(
  entries: readonly PartialEntry[],
  known: 'in part' | 'all',
  rules: StoreRules | undefined,
): readonly InputProblem[] {
  const found: InputProblem[] = [];
  const names = new Map<string, number>();
  for (const [index, entry] of entries.entries()) {
    const at = (key: string) => `secrets[${index}].${key}`;
    const report = (key: string, problem: string, hint?: string) =>
      void found.push({ key: at(key), problem: `"${at(key)}" ${problem}`, hint });
    const { name: written, description, 'kms-key': kmsKey, tags } = entry;
    for (const { key, problem, hint } of rules?.problems({ name: written, description, kmsKey, tags }) ?? [])
      report(key, problem, hint);
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
