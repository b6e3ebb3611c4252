import { Reference } from '../../../src/foundation/reference.ts';
import type { RegistrySecret } from '../../../src/folder/registry.ts';

/** A registry in which each of these names has a reference in environment `test`. */
export function allReferences(names: readonly string[]): ReadonlyMap<string, RegistrySecret> {
  const reference = Reference.of({ vault: 'Agents', item: 'Item', field: 'field' });
  return new Map(
    names.map((name) => [name, { name, references: new Map([['test', reference]]) } as unknown as RegistrySecret]),
  );
}
