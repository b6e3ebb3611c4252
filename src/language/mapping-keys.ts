import type { Keys } from './forms.ts';
import { nearest, suggest } from './nearest-name.ts';
import { mostProblems, type Range, type Source } from './problems.ts';
import type { Entry, MappingNode, Node } from './yaml.ts';

/** Keys that people bring from elsewhere, and what we have instead. */
export type ForeignKeys = Readonly<Record<string, string>>;

/**
 * The entries of a mapping by key: unknown and missing keys are reported, each with the nearest name.
 * @param what as in `unknown key "x" in …`
 * @returns undefined where the node is no mapping
 */
export function readKeys(
  node: Node,
  keys: Keys,
  what: string,
  source: Source,
  options: { readonly foreign?: ForeignKeys; readonly missingAt?: Range } = {},
): ReadonlyMap<string, Entry> | undefined {
  if (node.kind !== 'mapping') {
    source.report(node.range, `${what} takes keys, and this is ${nameOf(node)}`, listed(keys));
    return undefined;
  }
  const entries = new Map<string, Entry>();
  const given = new Set(node.entries.map(({ key }) => key));
  const open = Object.keys(keys).filter((key) => !given.has(key));
  const misspelt = new Set<string>();
  for (const entry of node.entries) {
    if (!Object.hasOwn(keys, entry.key)) {
      const foreign = options.foreign;
      const ours = foreign !== undefined && Object.hasOwn(foreign, entry.key) ? foreign[entry.key] : undefined;
      if (source.problems.length >= mostProblems) break;
      const near = ours === undefined ? nearest(entry.key, open) : undefined;
      if (near !== undefined) misspelt.add(near);
      // nobody knows what it is
      source.hidden.push(entry.value.range);
      source.report(entry.keyRange, `unknown key "${entry.key}" in ${what}`, ours ?? suggest(entry.key, open));
    } else if (isEmpty(entry.value) && keys[entry.key]?.form.kind !== 'json') {
      source.report(entry.keyRange, `"${entry.key}" has no value`, 'give it one, or leave the line out');
    } else entries.set(entry.key, entry);
  }
  for (const [key, { required }] of Object.entries(keys)) {
    if (!required || given.has(key) || misspelt.has(key)) continue;
    source.report(options.missingAt ?? first(node), `"${key}" is missing in ${what}`, keys[key]?.description);
  }
  return entries;
}

/** What a node is, for a message. */
export function nameOf(node: Node): string {
  if (node.kind !== 'scalar') return `a ${node.kind}`;
  if (node.value === null) return 'empty';
  return typeof node.value === 'string' ? 'text' : `a ${typeof node.value}`;
}

function isEmpty(node: Node): boolean {
  return node.kind === 'scalar' && node.value === null;
}

function first(node: MappingNode): Range {
  return node.entries[0]?.keyRange ?? node.range;
}

function listed(keys: Keys): string {
  return `keys: ${Object.keys(keys).join(', ')}`;
}
