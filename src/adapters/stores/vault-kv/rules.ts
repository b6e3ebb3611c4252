import { quoted } from '../../../foundation/shell-words.ts';
import type { StoreRules } from '../contract.ts';

/** Custom metadata that says which value is in force; see versions.ts. */
export const ownKeys = { current: 'flows-version', next: 'flows-next' } as const;
/** the one of custom metadata that holds what a flow calls `description` */
export const descriptionKey = 'description';

/** bytes of an entry in Vault's integrated storage, as it comes, with room for what stands beside the value */
const largestValue = 1_000_000;
/** what custom metadata takes: keys, bytes of a key and of a value */
const most = { keys: 64, key: 128, value: 512 } as const;

/** What a KV engine of version 2 would refuse, or would take and regret. */
export const vaultKvRules: StoreRules = {
  nameOf: (name) => ({ name }),
  problems({ name, description, kmsKey, tags = {} }) {
    const found: { key: string; problem: string; hint?: string }[] = [];
    const wrong = name === undefined ? undefined : nameProblem(name);
    if (wrong !== undefined) found.push({ key: 'name', ...wrong });
    if (description !== undefined && !fits(description, 0))
      found.push({ key: 'description', problem: `is longer than ${most.value} bytes, or not printable` });
    if (kmsKey !== undefined)
      found.push({
        key: 'kms-key',
        problem: 'says nothing to Vault, which encrypts by its own seal',
        hint: 'leave it out',
      });
    for (const each of tagProblems(tags)) found.push({ key: 'tags', ...each });
    return found;
  },
  valueProblem(bytes) {
    if (bytes === 0) {
      const hint = 'fill the field in the vault, or leave the secret out';
      return { problem: 'is empty, and whoever reads it would take it for a secret', hint };
    }
    if (bytes <= largestValue) return undefined;
    const problem = `has ${bytes} bytes, and Vault stores at most about ${largestValue}`;
    return { problem, hint: 'split it into several secrets' };
  },
  isSameKey: () => true,
  restore: (name) => `vault kv undelete -mount=MOUNT -versions=NUMBER ${quoted(name)}`,
};

function nameProblem(name: string): { problem: string; hint: string } | undefined {
  const segments = name.split('/');
  if (name.length > 512 || !isPrintable(name))
    return { problem: 'is no path that Vault takes', hint: 'at most 512 characters, all of them printable' };
  if (segments.some((each) => each === '' || each === '.' || each === '..'))
    return { problem: 'has an empty part, or one of dots alone', hint: 'write it as in team/orders/database' };
  // no policy could allow this one alone
  if (name.endsWith('*') || segments.includes('+'))
    return { problem: 'reads as a wildcard in a policy of Vault', hint: 'end no name in *, and call no part +' };
  return undefined;
}

function tagProblems(tags: Readonly<Record<string, string>>): readonly { problem: string; hint?: string }[] {
  const entries = Object.entries(tags);
  const room = most.keys - Object.keys(ownKeys).length - 1;
  const found: { problem: string; hint?: string }[] = [];
  if (entries.length > room)
    found.push({
      problem: `are more than ${room}`,
      hint: `custom metadata has ${most.keys} keys, three of them our own`,
    });
  for (const [key, value] of entries) {
    const named = `hold ${JSON.stringify(key.slice(0, most.key))}, `;
    if (key === descriptionKey || Object.values<string>(ownKeys).includes(key))
      found.push({ problem: `${named}which is kept for the push itself` });
    if (key === '' || Buffer.byteLength(key) > most.key || !isPrintable(key))
      found.push({ problem: `${named}a key of other than 1–${most.key} printable bytes` });
    if (!fits(value, 1))
      found.push({ problem: `${named}whose value is not of 1–${most.value} printable bytes`, hint: 'give it a value' });
  }
  return found;
}

const fits = (value: string, least: number) =>
  Buffer.byteLength(value) >= least && Buffer.byteLength(value) <= most.value && isPrintable(value);

const isPrintable = (text: string) => /^[^\p{C}\p{Zl}\p{Zp}]*$/u.test(text);
