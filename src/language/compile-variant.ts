import { compileScalar, wrong, type Place } from './compile-scalar.ts';
import type { ByTypeForm, Form, ObjectForm } from './forms.ts';
import { variantOf } from './variants.ts';
import type { MappingNode, Node } from './yaml.ts';

/**
 * The object that a node is to be read as, by its `type`. Where there is but one type, its other keys are looked at
 * too when the type is missing or wrong. @returns undefined where that was reported and nothing more can be said
 */
export function chosenVariant(node: Node, of: ByTypeForm, place: Place): ObjectForm | undefined {
  if (node.kind !== 'mapping') return wrong(node, of, place);
  const [only, ...others] = of.types.keys();
  const type = typeOf(node) ?? of.default;
  if (type !== undefined && of.types.has(type)) return variantOf(of, type);
  if (only !== undefined && others.length === 0) return variantOf(of, only);
  const given = node.entries.find(({ key }) => key === 'type');
  const key = place.key === '' ? 'type' : `${place.key}.type`;
  const hint = `one of: ${[...of.types.keys()].join(', ')}`;
  const oneOf: Form = { kind: 'one-of', values: [...of.types.keys()] };
  if (given === undefined) {
    const where = place.key === '' ? place.what : `"${place.key}"`;
    place.source.report(node.entries[0]?.keyRange ?? node.range, `"type" is missing in ${where}`, hint);
  } else if (given.value.kind !== 'scalar') wrong(given.value, oneOf, { ...place, key });
  // which keys there are depends on it, so it cannot come from elsewhere
  else if (compileScalar(given.value, oneOf, { ...place, key }) !== undefined)
    place.source.report(given.value.range, `"${key}" is written out`, hint);
  return undefined;
}

function typeOf(node: MappingNode): string | undefined {
  const value = node.entries.find(({ key }) => key === 'type')?.value;
  return value?.kind === 'scalar' && typeof value.value === 'string' ? value.value : undefined;
}
