import { folded } from '../../foundation/names.ts';
import { isSafeLine } from '../../foundation/safe-line.ts';
import { Reference } from '../../foundation/reference.ts';
import { labelsOf, plainName, unusedName } from './item-of-secret.ts';
import type { KvMount, KvSource, Mounts } from './kv-source.ts';
import type { Migration } from './migration-file.ts';
import type { TargetRule } from './target-rules.ts';

export interface PlanOptions {
  readonly source: KvSource;
  /** the first that fits a path decides */
  readonly rules: readonly TargetRule[];
  /** the vault of what no rule fits; absent: it is told, and not proposed */
  readonly into: string | undefined;
  /** what was decided before */
  readonly before: Migration | undefined;
  /** told how far it is */
  readonly progress: (message: string) => void;
}

/** What is in Vault, and what it may become. No value was read. */
export interface MigrationPlan {
  readonly mounts: Mounts;
  /** those that are decided on, and are still there */
  readonly known: number;
  /** those that the file does not name yet */
  readonly proposed: readonly Proposed[];
  /** paths that no rule fits */
  readonly homeless: readonly string[];
  /** paths of the file that Vault does not have */
  readonly gone: readonly string[];
  /** paths, or whole branches, that the token may not see */
  readonly denied: readonly string[];
  /** paths whose newest version was deleted: nothing of them moves */
  readonly deleted: readonly string[];
}

export interface Proposed {
  readonly path: string;
  readonly to: Reference;
  /** undefined for KV v1, which does not tell its keys without their values */
  readonly keys: ReadonlyMap<string, string> | undefined;
}

/** Walks every mount, and proposes an item for each secret that nobody has decided on. */
export async function planMigration(options: PlanOptions): Promise<MigrationPlan> {
  const { source, rules, into, before, progress } = options;
  const mounts = await source.mounts();
  const decided = new Map((before?.secrets ?? []).map((each) => [each.path, each]));
  const titles = new Map<string, Set<string>>();
  for (const { to } of decided.values()) if (to !== undefined) titlesOf(titles, to.vault).add(folded(to.item));

  const denied: string[] = [...mounts.denied];
  const [deleted, homeless, proposed]: [string[], string[], Proposed[]] = [[], [], []];
  const seen = new Set<string>();
  for (const mount of mounts.kv) {
    const paths = await source.walk(mount, (path) => denied.push(path));
    progress(`${mount.path}: ${paths.length} secrets`);
    const news = paths.filter((path) => !decided.has(mount.path + path));
    for (const path of paths) seen.add(mount.path + path);
    const keys = await Promise.all(news.map(async (path) => source.keys(mount, path)));
    for (const [index, rest] of news.entries()) {
      const path = mount.path + rest;
      const found = keys[index];
      if (found?.kind !== 'found') {
        (found?.kind === 'denied' ? denied : deleted).push(path);
        continue;
      }
      const wanted = targetOf(path, rest, rules, into);
      if (wanted === undefined) {
        homeless.push(path);
        continue;
      }
      const item = unusedName(wanted.item, titlesOf(titles, wanted.vault));
      const to = Reference.of({ vault: wanted.vault, item });
      proposed.push({ path, to, keys: found.keys === undefined ? undefined : labelsOf(found.keys) });
    }
  }
  const gone = [...decided.keys()].filter((path) => !seen.has(path) && !isBelow(path, denied));
  return { mounts, known: decided.size - gone.length, proposed, homeless, gone, denied, deleted };
}

function targetOf(
  path: string,
  rest: string,
  rules: readonly TargetRule[],
  into: string | undefined,
): Pick<Reference, 'vault' | 'item'> | undefined {
  for (const rule of rules) {
    const found = rule.target(path);
    if (found !== undefined) return found;
  }
  return into === undefined ? undefined : { vault: into, item: plainName(rest) };
}

function titlesOf(titles: Map<string, Set<string>>, vault: string): Set<string> {
  const found = titles.get(folded(vault)) ?? new Set();
  titles.set(folded(vault), found);
  return found;
}

function isBelow(path: string, branches: readonly string[]): boolean {
  return branches.some((branch) => path === branch || (branch.endsWith('/') && path.startsWith(branch)));
}

/** The mount of a path: the longest that it begins with. */
export function mountOf(path: string, mounts: readonly KvMount[]): KvMount | undefined {
  const fitting = mounts.filter((mount) => path.startsWith(mount.path));
  return fitting.toSorted((a, b) => b.path.length - a.path.length)[0];
}

/** A line of migration.yaml for each. */
export function secretLines(proposed: readonly Proposed[]): string {
  return proposed
    .map(({ path, to, keys }) => {
      const named = new Map<string, string>();
      const unnamed: string[] = [];
      for (const [key, label] of keys ?? []) {
        const seen = key.normalize();
        // two that look the same cannot both be named in a file, and a run gives the second this name by itself
        if (named.has(seen)) unnamed.push(yamlText(label));
        else named.set(seen, `${yamlText(key)}: ${yamlText(label)}`);
      }
      const kept = named.size === 0 ? '' : `, keys: { ${[...named.values()].join(', ')} }`;
      const note = unnamed.length === 0 ? '' : ` # of keys that look the same the others become ${unnamed.join(', ')}`;
      return `  - { path: ${yamlText(path)}, to: ${yamlText(to.toString())}${kept} }${note}\n`;
    })
    .join('');
}

/** A whole migration.yaml. */
export function migrationText(
  from: { readonly url: string; readonly token: string; readonly namespace: string | undefined },
  proposed: readonly Proposed[],
): string {
  const namespace = from.namespace === undefined ? '' : `  namespace: ${yamlText(from.namespace)}\n`;
  const list = proposed.length === 0 ? 'secrets: []\n' : `secrets:\n${secretLines(proposed)}`;
  return `# What moves from Vault into 1Password. \`flows migrate vault plan\` proposed it; no value was read for it.
# Read it and change it: \`to:\` is the item that a secret becomes, \`keys:\` the fields that its keys become,
# \`skip: why\` instead of \`to:\` leaves one where it is. Then \`flows migrate vault run\`.
from:
  url: ${yamlText(from.url)}
  token: { env: ${yamlText(from.token)} }
${namespace}
${list}`;
}

/** Plain where nobody can read it as anything else, else in quotes as JSON has them. */
function yamlText(text: string): string {
  const isPlain =
    /^(?:op:\/\/|https?:\/\/)?[A-Za-z][A-Za-z0-9_./-]*$/.test(text) &&
    !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(text);
  // JSON leaves some characters as they are that nobody sees
  return isPlain
    ? text
    : JSON.stringify(text).replaceAll(/[^ -~]/gu, (char) => (isSafeLine(char) ? char : escaped(char)));
}

function escaped(char: string): string {
  return char
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
}
