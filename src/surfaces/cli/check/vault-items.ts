import { folded } from '../../../foundation/names.ts';
import type { FieldNeeds, ItemNeeds } from '../../../adapters/vaults/adapter.ts';
import type { Environment } from '../../../folder/service/settings.ts';
import type { Uses } from '../../../folder/flows/flow-uses.ts';
import type { Reference } from '../../../foundation/reference.ts';

/** Every item that the flows, registry.yaml and service.yaml read, with the fields that are read of it. */
export function itemsOf(environment: Environment, uses: readonly Uses[]): readonly ItemNeeds[] {
  const wanted = new Map<string, { reference: Reference; fields: Map<string, FieldNeeds> }>();
  const add = (reference: Reference, type: FieldNeeds['type']) => {
    const key = folded(reference.itemReference.toString());
    const item = wanted.get(key) ?? { reference, fields: new Map<string, FieldNeeds>() };
    wanted.set(key, item);
    const { section, field: name } = reference;
    if (name !== undefined) item.fields.set(folded(`${section ?? ''}/${name}`), { section, name, type });
  };
  for (const { reference, target } of uses.flatMap((use) => use.references)) add(reference, typeOf(reference, target));
  const keys = new Set(environment.key.map(String));
  for (const reference of environment.references)
    add(reference, keys.has(reference.toString()) ? 'key' : typeOf(reference, 'field'));
  return [...wanted.values()].map(({ reference, fields }) => ({ reference, fields: [...fields.values()] }));
}

function typeOf({ field = '', attribute = '', sshFormat }: Reference, target: string): FieldNeeds['type'] {
  if (target === 'one-time-password' || /^t?otp$/.test(attribute)) return 'otp';
  if (sshFormat !== undefined) return 'ssh';
  return /user ?name|email|client.?id|host|url/i.test(field) ? 'text' : 'password';
}
