import { freshId } from './lay-out-item.ts';
import type { FieldsChange, NewField, Problem, Recipe } from './operations.ts';
import { changedMeanwhile, ownSection, sectionsFor, type ChangedItem, type Field, type Parts } from './change-seed.ts';

/**
 * The item's fields with these in place. A new one stands at the end, in the section of the one that it is beside.
 * @param make a value by a recipe
 */
export function changeFields<T>(
  item: ChangedItem<T>,
  change: FieldsChange,
  types: { readonly concealed: T },
  make: (recipe: Recipe) => string,
): Problem | Parts<T> {
  if (item.version !== change.version) return changedMeanwhile;
  let { fields, sections }: Parts<T> = { fields: [...item.fields], sections: [...item.sections] };
  for (const { id, section, label, value } of change.fields) {
    const known = id === undefined ? undefined : fields.find((field) => isAt(field, id, section));
    const text = typeof value === 'object' ? make(value) : value;
    if (text === undefined) fields = fields.filter((field) => field !== known);
    else if (known !== undefined) fields = fields.map((field) => (field === known ? { ...field, value: text } : field));
    else {
      const sectionId = section ?? ownSection.id;
      sections = sectionsFor({ sections }, sectionId);
      const added = {
        id: freshId(label, new Set(fields.map((each) => each.id))),
        title: label,
        sectionId,
        fieldType: types.concealed,
        value: text,
      };
      fields = [...fields, added];
    }
  }
  return { fields, sections };
}

function isAt<T>(field: Field<T>, id: string, section: NewField['section']): boolean {
  return field.id === id && (field.sectionId || undefined) === section;
}
