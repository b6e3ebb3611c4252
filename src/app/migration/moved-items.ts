import type { Item, NamedItem, NewItem, VaultItems } from '../../adapters/vaults/contract.ts';
import { folded } from '../../foundation/names.ts';
import { ownershipMark } from '../../foundation/key-derivation.ts';
import { Secret } from '../../foundation/secret.ts';
import type { Keys } from '../root-key.ts';
import { type Converted, migrationSection, movedFields, printOf, samePrint } from './item-of-secret.ts';

/** on each item that was moved */
const movedTag = 'flows:migrated';

/** Keys of the environment: whose an item is, and what it held when it was made. */
export interface MigrationKeys {
  readonly ownership: Keys;
  readonly prints: Keys;
}

/** The items of one vault, as whoever moves secrets into it looks at them. */
export interface MovedItems {
  /** those that were made of this path, whole; more than one where two migrations went on at once */
  madeOf(path: string): readonly Item[];
  /** items of that title that were made of no path, or of another */
  named(title: string, path: string): readonly NamedItem[];
}

/** Looks at a vault, whose items were listed: one request for each fifty that were moved there before. */
export async function lookAt(
  vault: string,
  items: VaultItems,
  { ownership }: MigrationKeys,
  listed: readonly NamedItem[],
): Promise<MovedItems> {
  const moved = listed.some(({ tags }) => tags.includes(movedTag)) ? await items.find(vault, movedTag) : [];
  const byMark = Map.groupBy(
    moved.flatMap((item) => item.tags.map((tag) => ({ item, tag }))),
    ({ tag }) => tag,
  );
  const byTitle = Map.groupBy(listed, ({ title }) => folded(title));
  const marksOf = (path: string) => ownership.map((key) => markOf(key, path));
  return {
    madeOf: (path) => marksOf(path).flatMap((mark) => (byMark.get(mark) ?? []).map(({ item }) => item)),
    named(title, path) {
      const marks = marksOf(path);
      return (byTitle.get(folded(title)) ?? []).filter(({ tags }) => !marks.some((mark) => tags.includes(mark)));
    },
  };
}

/** The item that a secret becomes. */
export function itemOf(
  path: string,
  title: string,
  version: number,
  { fields }: Converted,
  keys: MigrationKeys,
): NewItem {
  const note = (label: string, value: string) =>
    ({ label, section: migrationSection, type: 'text', value: new Secret(value) }) as const;
  return {
    title,
    tags: [movedTag, sourceTag(path), markOf(keys.ownership[0], path)],
    fields: [
      ...fields,
      note('path', path),
      note('version', String(version)),
      note('print', printOf(keys.prints[0], path, fields)),
    ],
  };
}

/** For people who look at the item. The SDK takes tags of printable ASCII alone. */
function sourceTag(path: string): string {
  return `vault:${path.toWellFormed().replaceAll(/[^ -~]+/g, encodeURIComponent)}`;
}

function markOf(key: Uint8Array, path: string): string {
  return ownershipMark(key, 'migrate vault', 'item', { path });
}

/** The version that an item was made of, and whether these fields are what it was made with. */
export function originOf(item: Item, path: string, { prints }: MigrationKeys) {
  const noted = (label: string) =>
    item.fields.find((field) => field.section === migrationSection && field.label === label)?.value.reveal() ?? '';
  const isMadeWith = (fields: Parameters<typeof printOf>[2]) =>
    prints.some((key) => samePrint(printOf(key, path, fields), noted('print')));
  return { version: noted('version'), isMadeWith, isUntouched: isMadeWith(movedFields(item)) };
}
