import type { Expression } from './expressions.ts';
import type { ConnectionKind, Form } from './forms.ts';

/** What an expression stands for: its type is always known, its value perhaps later. */
export interface Resolved {
  readonly type: 'text' | 'number' | 'boolean' | 'json' | 'secret' | 'reference' | 'connection' | 'any';
  readonly value: unknown;
  /** of an enum input, also where its value is not known */
  readonly choices?: readonly string[];
  /** comes from a reviewed file, or is one of its choices: may stand inside a reference */
  readonly reviewed?: boolean;
  /** of a connection */
  readonly kind?: ConnectionKind;
  readonly name?: string;
}

export interface Unresolved {
  readonly problem: string;
  readonly hint?: string | undefined;
}

/** The types that each scalar form takes from a whole expression. */
export const taken: Readonly<Partial<Record<Form['kind'], readonly Resolved['type'][]>>> = {
  text: ['text', 'number', 'boolean', 'json'],
  number: ['number', 'json'],
  boolean: ['boolean', 'json'],
  'one-of': ['text', 'json'],
  reference: ['reference'],
  'text-or-reference': ['text', 'number', 'boolean', 'json', 'reference'],
  secret: ['secret'],
  connection: ['connection'],
  json: ['text', 'number', 'boolean', 'json'],
  template: ['text', 'number', 'boolean', 'json'],
};

/** Why something may not stand in plain text. */
export function plainTrouble(
  expression: Expression,
  { type }: Resolved,
  key: string,
): { problem: string; hint: string } | undefined {
  if (type === 'secret') {
    return {
      problem: `"${expression.text}" is a secret, and "${key}" takes plain text`,
      hint: 'secrets never stand in text',
    };
  }
  if (type === 'reference') {
    return {
      problem: `"${expression.text}" is a reference, and "${key}" takes plain text`,
      hint: 'references never stand in text',
    };
  }
  if (type === 'connection') {
    return {
      problem: `"${expression.text}" is a connection, and "${key}" takes plain text`,
      hint: `choose a field: ${expression.text}.url`,
    };
  }
  return undefined;
}

/** Why an expression does not fit a key. */
export function wrongType(
  expression: Expression,
  resolved: Resolved,
  form: Form,
  key: string,
): { problem: string; hint?: string } {
  const is =
    resolved.type === 'connection'
      ? `one of ${resolved.kind ?? ''}`
      : resolved.type === 'json'
        ? 'a plain value'
        : nouns[resolved.type];
  const problem = `"${expression.text}" is ${is}, and "${key}" takes ${wanted(form)}`;
  if (form.kind === 'reference' && resolved.type === 'text') {
    return { problem, hint: 'a reference is written in the file, op://…, or comes out of a step that gives one' };
  }
  if (form.kind === 'reference' && resolved.type === 'secret') {
    return { problem, hint: 'write the reference that the step reads: op://vault/item/field' };
  }
  if (form.kind === 'connection') {
    const [root = '', name] = expression.path;
    return { problem, hint: `write \${{ ${form.to}.${root === form.to && name !== undefined ? name : 'NAME'} }}` };
  }
  return { problem };
}

const nouns = {
  text: 'text',
  number: 'a number',
  boolean: 'true or false',
  secret: 'a secret',
  reference: 'a reference',
  any: 'unknown',
} as const;

function wanted(form: Form): string {
  if (form.kind === 'connection') return `one of ${form.to}`;
  if (form.kind === 'secret') return 'a secret';
  if (form.kind === 'reference') return 'a reference';
  return form.kind === 'one-of' ? form.values.join(', ') : `a ${form.kind}`;
}
