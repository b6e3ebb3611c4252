import type { Field, Parts } from '../onepassword-items/change-seed.ts';
import { type ConnectItem, fieldType, ownFields } from './connect-answers.ts';
import type { ConnectRecipe } from './password-recipe.ts';

/** An item as changes of it are made: its fields and sections, named as the SDK names them. */
export interface EditableItem extends Parts<string> {
  readonly version: number;
  /**
   * The whole item with these fields: what is the same goes back as it came.
   * @param recipes of values that Connect's generator is to make, by what stands for them
   */
  withParts(parts: Parts<string>, tags: readonly string[], recipes?: ReadonlyMap<string, ConnectRecipe>): object;
}

/** Connect replaces an item as a whole, and only the version that is sent with it. */
export function editable(item: ConnectItem): EditableItem {
  const own = ownFields(item);
  const notes = item.fields.filter((each) => !own.includes(each));
  const before = ({ id, sectionId = '' }: Field<string>) =>
    own.find((each) => each.id === id && (each.section?.id ?? '') === sectionId);
  return {
    version: item.version,
    fields: own.map((each) => {
      const { id, label: title, section, value } = each;
      return { id, title, ...(section?.id ? { sectionId: section.id } : {}), fieldType: fieldType(each), value };
    }),
    sections: item.sections.map(({ id, label }) => ({ id, title: label })),
    withParts: ({ fields, sections }, tags, recipes = new Map<string, never>()) => ({
      ...item,
      tags,
      sections: sections.map(({ id, title }) => ({ id, ...(title === '' ? {} : { label: title }) })),
      fields: [
        ...notes,
        ...fields.map((each) => {
          const recipe = recipes.get(each.value);
          const value = recipe === undefined ? { value: each.value } : { value: undefined, generate: true, recipe };
          return { ...(before(each) ?? newField(each)), ...value };
        }),
      ],
    }),
  };
}

function newField({ id, title, sectionId, fieldType: type }: Field<string>): object {
  const section = sectionId === undefined ? {} : { section: { id: sectionId } };
  return { id, label: title, ...section, type: type === 'Totp' ? 'OTP' : 'CONCEALED' };
}
