import { compilePattern } from '../../folder/policy/name-pattern.ts';
import type { NarrowedRun } from '../contract.ts';

const compiled = new WeakMap<readonly string[], readonly ((name: string) => boolean)[]>();

/** Whether a name is in the list that a run was narrowed to, where it was. */
export function isWithin({ allow }: Pick<NarrowedRun, 'allow'>, name: string): boolean {
  if (allow === undefined) return true;
  let patterns = compiled.get(allow);
  if (patterns === undefined) {
    patterns = allow.map(compilePattern);
    compiled.set(allow, patterns);
  }
  return patterns.some((matches) => matches(name));
}
