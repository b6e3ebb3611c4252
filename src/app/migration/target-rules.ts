import { FlowError } from '../../foundation/errors.ts';
import { encodeSegment, Reference } from '../../foundation/reference.ts';
import { plainName } from './item-of-secret.ts';

/** Which item the secrets of some paths become: `secret/{agent}/{provider}=op://Agents/{agent}-{provider}`. */
export interface TargetRule {
  readonly text: string;
  /** undefined where it does not fit the path */
  target(path: string): Reference | undefined;
}

const form = 'write PATH=op://VAULT/ITEM; {name} in the path is one part of it, {name...} one or more';
const placeholder = /\{(?<name>[a-z][a-z0-9_]*)(?<several>\.\.\.)?\}/g;

/** @throws FlowError usage for what is no rule */
export function parseRule(text: string): TargetRule {
  const at = text.indexOf('=op://');
  const [pattern, to] = [text.slice(0, at), text.slice(at + 1)];
  const wrong = (message: string) => new FlowError('usage', `the rule "${text}" ${message}`, { hint: form });
  if (at < 1) throw wrong('names no item');
  const named = [...pattern.matchAll(placeholder)].map(({ groups }) => groups?.['name'] ?? '');
  const names = new Set(named);
  if (names.size < named.length) throw wrong('has one name twice in its path');
  const unknown = [...to.matchAll(placeholder)].find(({ groups }) => !names.has(groups?.['name'] ?? ''));
  if (unknown !== undefined) throw wrong(`has ${unknown[0]}, which is not in its path`);
  const trial = Reference.parse(to.replaceAll(placeholder, 'x'));
  if (!(trial instanceof Reference)) throw wrong(trial.problem);
  if (trial.field !== undefined) throw wrong('names a field: each secret becomes an item');
  const expression = new RegExp(`^${pattern.split(placeholder).map(expressionOf).join('')}$`, 'u');
  return {
    text,
    target(path) {
      const fitting = expression.exec(path);
      if (fitting === null) return undefined;
      const found = fitting.groups ?? {};
      const filled = to.replaceAll(placeholder, (_, name: string) => encodeSegment(plainName(found[name] ?? '')));
      const reference = Reference.parse(filled);
      return reference instanceof Reference ? reference : undefined;
    },
  };
}

/** The parts of a pattern that was split at its placeholders: text, name and dots in turn. */
function expressionOf(part: string | undefined, index: number, all: readonly (string | undefined)[]): string {
  if (index % 3 === 0) return RegExp.escape(part ?? '');
  if (index % 3 === 2) return '';
  return `(?<${part ?? ''}>${all[index + 1] === undefined ? '[^/]+' : '.+'})`;
}
