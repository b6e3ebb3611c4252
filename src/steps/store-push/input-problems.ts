import { arnOf, type PartialEntry } from './declared-secrets.ts';

export interface InputProblem {
  /** as the check finds its place: `secrets[0].name` */
  readonly key: string;
  readonly problem: string;
  readonly hint?: string;
}

const letters = 'a name takes letters, digits and /_+=.@-, at most 512 of them';

/**
 * What AWS would refuse, or would take and regret, as far as it can be told from what is known: used when the files
 * load and again when everything is.
 */
export function problemsOf(entries: readonly PartialEntry[], known: 'in part' | 'all'): readonly InputProblem[] {
  const found: InputProblem[] = [];
  const names = new Map<string, number>();
  for (const [index, entry] of entries.entries()) {
    const at = (key: string) => `secrets[${index}].${key}`;
    const report = (key: string, problem: string, hint?: string) =>
      void found.push({ key: at(key), problem: `"${at(key)}" ${problem}`, ...(hint === undefined ? {} : { hint }) });
    if (entry.name !== undefined) {
      const wrong = nameProblem(entry.name);
      if (wrong !== undefined) report('name', wrong.problem, wrong.hint);
      const name = arnOf(entry.name)?.name ?? entry.name;
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
    if ((entry.description?.length ?? 0) > 2048) report('description', 'is longer than 2048 characters');
    const kmsKey = entry['kms-key'];
    if (kmsKey !== undefined && !/^[A-Za-z0-9:/_-]{1,2048}$/.test(kmsKey)) {
      report('kms-key', 'is not the ARN, id or alias of a KMS key', 'write it as in alias/runtime');
    }
    for (const { problem, hint } of tagProblems(entry.tags ?? {})) report('tags', problem, hint);
  }
  return found;
}

function nameProblem(name: string): { problem: string; hint: string } | undefined {
  if (name.startsWith('arn:')) {
    if (arnOf(name) !== undefined) return undefined;
    return {
      problem: 'is not the whole ARN of a secret',
      hint: 'it ends in a hyphen and six characters that AWS adds',
    };
  }
  if (!/^[A-Za-z0-9/_+=.@-]{1,512}$/.test(name)) return { problem: 'is not a name that AWS takes', hint: letters };
  if (/-[A-Za-z0-9]{6}$/.test(name)) {
    return {
      problem: 'ends in a hyphen and six characters, as an ARN does',
      hint: 'AWS may take it for another secret; choose another ending',
    };
  }
  return undefined;
}

function tagProblems(tags: Readonly<Record<string, string>>): readonly { problem: string; hint?: string }[] {
  const entries = Object.entries(tags);
  const found: { problem: string; hint?: string }[] = [];
  if (entries.length > 50) found.push({ problem: 'are more than 50' });
  for (const [key, value] of entries) {
    const named = `hold ${JSON.stringify(key.slice(0, 128))}, `;
    if (/^aws:/i.test(key))
      found.push({ problem: `${named}which is AWS's own`, hint: 'a key may not begin with aws:' });
    if (key.length < 1 || key.length > 128) found.push({ problem: `${named}a key of other than 1–128 characters` });
    if (value.length > 256) found.push({ problem: `${named}whose value is longer than 256 characters` });
    if (!/^[\p{L}\p{Z}\p{N}_.:/=+@-]*$/u.test(`${key}${value}`)) {
      found.push({
        problem: `${named}with characters that AWS does not take`,
        hint: 'letters, digits, spaces and _.:/=+-@',
      });
    }
  }
  return found;
}
