/** AWS takes ten values in a filter, each a prefix. */
const most = 10;

/**
 * At most ten prefixes that together cover all names, as long as they can be: a list filtered by them holds little
 * that was not asked for. Ten names or fewer stand for themselves.
 * @returns empty where one of them would be empty: then nothing narrows the list
 */
export function prefixesOf(names: readonly string[]): readonly string[] {
  if (names.length <= most) return names;
  let groups: Group[] = [groupOf(names)];
  for (;;) {
    const split = groups
      .filter((group) => group.names.length > 1)
      .toSorted((a, b) => a.prefix.length - b.prefix.length)
      .map((group) => ({ group, parts: partsOf(group) }))
      .find(({ parts }) => parts.length > 1 && groups.length - 1 + parts.length <= most);
    if (split === undefined) break;
    groups = groups.flatMap((group) => (group === split.group ? split.parts : [group]));
  }
  const prefixes = groups.map((group) => group.prefix);
  return prefixes.includes('') ? [] : prefixes;
}

interface Group {
  readonly prefix: string;
  readonly names: readonly string[];
}

function groupOf(names: readonly string[]): Group {
  const [first = '', ...others] = names;
  let length = first.length;
  for (const other of others) {
    let same = 0;
    while (same < length && first[same] === other[same]) same += 1;
    length = same;
  }
  return { prefix: first.slice(0, length), names };
}

function partsOf(group: Group): readonly Group[] {
  return [...Map.groupBy(group.names, (name) => name.charAt(group.prefix.length)).values()].map(groupOf);
}
