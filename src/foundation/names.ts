/**
 * Names of vaults, items, sections, fields and files as they are compared: a person sees no difference between `é` in one
 * character or two (Unicode's NFC), or between kinds of space, and 1Password minds no case.
 */

/** An id of a vault or an item: 26 characters of base32. */
export const idForm = /^[a-z2-7]{26}$/;

/** The same for names that count as the same. */
export function folded(name: string): string {
  return spelled(spelled(name).toLowerCase());
}

/** In one spelling, with its case. */
function spelled(name: string): string {
  return name.normalize('NFC').replace(/\s+/g, ' ');
}

export function sameName(one: string, other: string): boolean {
  return one === other || folded(one) === folded(other);
}

/** What a name may be written as; the first is how it is told. */
export type Spellings = readonly [string, ...string[]];

/**
 * All that fit a name equally well: by id, then by the exact name, then by one that only looks the same, then without
 * regard to case.
 */
export function bestNamed<T>(
  all: readonly T[],
  spellings: Spellings,
  of: (each: T) => { readonly id: string; readonly name: string },
): readonly T[] {
  const byId = all.filter((each) => spellings.includes(of(each).id));
  if (byId.length > 0) return byId;
  for (const form of [(name: string) => name, spelled, folded]) {
    const wanted = spellings.map(form);
    const found = all.filter((each) => wanted.includes(form(of(each).name)));
    if (found.length > 0) return found;
  }
  // an id in another case, as older tools wrote them
  return all.filter((each) => spellings.some((spelling) => folded(spelling) === folded(of(each).id)));
}

/** For a name that is not there: the one that goes on after a `/`, which would have to be written `%2F`. */
export function cutAtSlash(name: string, names: readonly string[]): string | undefined {
  const start = `${folded(name)}/`;
  return names.find((each) => folded(each).startsWith(start));
}
