import { FlowError } from '../../foundation/errors.ts';
import { inputFormats, type InputFormat } from './input-formats.ts';
import { keepsDigits } from '../../language/own-form.ts';
import type { LinearPattern } from '../../language/linear-pattern.ts';
import { nearest } from '../../language/nearest-name.ts';
import type { Range } from '../../language/problems.ts';

/** An input as the flow declares it; it becomes a flag, a form field and a property of the JSON Schema. */
export interface InputDefinition {
  readonly name: string;
  readonly type: 'string' | 'number' | 'boolean' | 'enum';
  /** of an enum */
  readonly values?: readonly string[] | undefined;
  /** the whole value must match */
  readonly pattern?: LinearPattern | undefined;
  readonly format?: InputFormat;
  /** an input without one is required */
  readonly default?: string | number | boolean;
  readonly description: string;
  readonly range: Range;
}

/** What a run was given, complete and checked. Text that begins with `op://` is plain text. */
export type Inputs = Readonly<Record<string, string | number | boolean>>;

/** characters */
export const longestInput = 4_096;
const decimal = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/**
 * Inputs from flags (text, or true for a flag alone) or from JSON.
 * @throws FlowError usage, with everything that is wrong, and the nearest names; a value is never repeated
 */
export function parseInputs(
  flow: { readonly name: string; readonly inputs: readonly InputDefinition[] },
  given: Readonly<Record<string, unknown>>,
): Inputs {
  const troubles: string[] = [];
  const hints: string[] = [];
  const names = flow.inputs.map(({ name }) => name);
  for (const name of Object.keys(given)) {
    if (names.includes(name)) continue;
    const near = nearest(name, names);
    troubles.push(`unknown input "${name}"`);
    if (near !== undefined) hints.push(`did you mean "${near}"?`);
  }
  const inputs: [string, string | number | boolean][] = [];
  for (const definition of flow.inputs) {
    const raw = Object.hasOwn(given, definition.name) ? given[definition.name] : undefined;
    const value = raw === undefined ? definition.default : parseOne(definition, raw);
    if (value === undefined && raw === undefined) {
      troubles.push(`input "${definition.name}" is missing`);
      hints.push(`add --${definition.name} ${placeholder(definition)}`);
    } else if (value === undefined) {
      troubles.push(`input "${definition.name}" takes ${expected(definition)}`);
    } else {
      const trouble = inputTrouble(definition, value);
      if (trouble === undefined) inputs.push([definition.name, value]);
      else troubles.push(`input "${definition.name}" takes ${trouble}`);
    }
  }
  if (troubles.length === 0) return Object.fromEntries(inputs);
  const hint = hints.length > 0 ? hints.join('; ') : `see flows ${flow.name} --help`;
  throw new FlowError('usage', troubles.join('; '), { hint, place: { flow: flow.name } });
}

/** What is wrong with a value of the right type, as what the input takes; undefined where nothing is. */
export function inputTrouble(definition: InputDefinition, value: string | number | boolean): string | undefined {
  if (typeof value !== 'string') return undefined;
  if (definition.values?.includes(value) === false) return expected(definition);
  if (value.length > longestInput) return `at most ${longestInput} characters`;
  // neither comes through whole everywhere: half a character is another one in UTF-8
  if (value.includes('\0') || !value.isWellFormed()) return 'text without NUL and without half a character';
  if (definition.pattern?.test(value) === false) return `text that fits ${definition.pattern.source}`;
  if (definition.format !== undefined && !inputFormats[definition.format](value)) return expected(definition);
  return undefined;
}

/** What an input takes, in a few words. */
export function expected(definition: InputDefinition): string {
  if (definition.type === 'enum') return `one of ${(definition.values ?? []).join(', ')}`;
  if (definition.type === 'boolean') return 'true or false';
  if (definition.type === 'number') return 'a number';
  return definition.format === undefined ? 'text' : `text of the form ${definition.format}`;
}

function placeholder(definition: InputDefinition): string {
  return definition.type === 'enum' ? (definition.values ?? []).join('|') : 'VALUE';
}

function parseOne(definition: InputDefinition, raw: unknown): string | number | boolean | undefined {
  if (definition.type === 'boolean') {
    if (typeof raw === 'boolean') return raw;
    return raw === 'true' ? true : raw === 'false' ? false : undefined;
  }
  if (definition.type === 'number') {
    const value = typeof raw === 'string' && decimal.test(raw) && keepsDigits(raw) ? Number(raw) : raw;
    // a whole number beyond 2^53 may have lost digits before it came here
    const kept = typeof value === 'number' && Number.isFinite(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER;
    return kept ? value : undefined;
  }
  return typeof raw === 'string' ? raw : undefined;
}
