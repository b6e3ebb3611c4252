import type { NewItem } from '../contract.ts';
import type { Operations } from './operations.ts';

/** A new item with the ids that its fields and sections need: letters, digits, `-`, each once. */
export function laidOut({ title, tags, fields }: NewItem): Operations['createAll']['asks']['items'][number] {
  const names = [...new Set(fields.flatMap(({ section }) => (section === undefined ? [] : [section])))];
  const sections = names.map((name, index) => ({ id: `section-${index + 1}`, title: name }));
  const taken = new Set<string>();
  return {
    title,
    tags,
    sections,
    fields: fields.map(({ label, section, type, value }) => ({
      id: freshId(label, taken),
      label,
      sectionId: sections.find((each) => each.title === section)?.id,
      type,
      value: value.reveal(),
    })),
  };
}

/** An id that is not taken yet, made of letters and digits, so that it may stand in a reference. */
export function freshId(label: string, taken: Set<string>): string {
  const base =
    label
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, '-')
      .replaceAll(/^-|-$/g, '') || 'field';
  let id = base;
  for (let number = 2; taken.has(id); number += 1) id = `${base}-${number}`;
  taken.add(id);
  return id;
}
