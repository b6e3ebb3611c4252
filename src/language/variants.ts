import { form, required, withDefault, type ByTypeForm, type ObjectForm } from './forms.ts';

/** The object that a `type` makes of a by-type form: the type itself, what all have, and the type's own keys. */
export function variantOf({ types, common, description, ...rest }: ByTypeForm, type: string): ObjectForm {
  const names = form.oneOf(...types.keys());
  const key = rest.default === undefined ? required(names, description) : withDefault(names, rest.default, description);
  return { kind: 'object', keys: { type: key, ...common, ...types.get(type)?.keys } };
}
