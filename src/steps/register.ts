import type { Form, Keys } from '../language/forms.ts';
import { propertyOf, type StepKind, type StepKinds } from './contract.ts';

const kindName = /^[a-z][a-z0-9-]*\/[a-z][a-z0-9-]*$/;
const fieldName = /^[a-z][a-z0-9-]*$/;
/** `steps.x.outputs.y` is a form from elsewhere, and its error must stay clear. */
const reservedFields = new Set(['output', 'outputs']);
const presented = {
  token: ['access-token', 'token-type', 'expires-at', 'scope'],
  'one-time-code': ['code', 'valid-for'],
};

/**
 * The registry, once its rules hold: above all that no step that writes gives a secret, so that no store can ever
 * hold one, and that no secret is part of a cache key but as its hash, and as a key of its own. @throws TypeError naming the kind and the rule
 */
export function registerSteps(kinds: readonly StepKind[]): StepKinds {
  const registry = new Map<string, StepKind>();
  for (const kind of kinds) {
    const refuse = (rule: string) => new TypeError(`step kind "${kind.name}": ${rule}`);
    for (const [name, field] of Object.entries(kind.output)) {
      if (!fieldName.test(name)) throw refuse(`output field "${name}" is not a lower-case name`);
      // what every object has of itself is not missed where a step leaves it out
      if (reservedFields.has(name) || propertyOf(name) in {}) throw refuse(`output field "${name}" is a reserved name`);
      if (kind.effect === 'write' && field.type === 'secret') {
        throw refuse(`output field "${name}" is a secret, and a step that writes gives none`);
      }
    }
    for (const name of Object.keys(kind.with)) {
      if (!fieldName.test(name)) throw refuse(`key "${name}" is not a lower-case name`);
    }
    if (kind.scalar !== undefined && !Object.hasOwn(kind.output, kind.scalar)) {
      throw refuse(`its scalar "${kind.scalar}" is no output field`);
    }
    for (const field of kind.presents === undefined ? [] : presented[kind.presents]) {
      if (!Object.hasOwn(kind.output, field)) throw refuse(`presents a ${kind.presents ?? ''} without "${field}"`);
    }
    const inside = Object.entries(kind.with).filter(([, { form }]) => form.kind !== 'secret');
    if (kind.effect === 'none' && kind.expiresAt !== undefined && takesSecret(Object.fromEntries(inside))) {
      throw refuse('takes a secret inside a key, so that its result cannot be cached');
    }
    for (const name of [kind.name, ...(kind.aliases ?? [])]) {
      if (!kindName.test(name)) throw refuse(`its name "${name}" is not room/verb in lower case`);
      if (registry.has(name)) throw refuse(`"${name}" is registered twice`);
      registry.set(name, kind);
    }
  }
  return registry;
}

function takesSecret(keys: Keys): boolean {
  const inForm = (form: Form): boolean => {
    if (form.kind === 'secret') return true;
    if (form.kind === 'list' || form.kind === 'mapping') return inForm(form.of);
    if (form.kind === 'object') return takesSecret(form.keys);
    if (form.kind === 'by-type') return false; // of service.yaml, where no step is
    return form.kind === 'union' && form.of.some(inForm);
  };
  return Object.values(keys).some(({ form }) => inForm(form));
}
