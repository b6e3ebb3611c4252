import type { Output, Shown } from '../../../engine/output.ts';
import type { FlowOutput } from '../../../folder/flows/flow.ts';
import { FlowError } from '../../../foundation/errors.ts';
import { Reference } from '../../../foundation/reference.ts';
import { Secret } from '../../../foundation/secret.ts';

/** What a command line asks for, by the variables that are to have it. */
export interface Wanted {
  /** a flow whose output is a mapping: its entries are variables */
  readonly flow: string | undefined;
  readonly secrets: readonly Named[];
  readonly tokens: readonly Named[];
  readonly references: readonly (readonly [variable: string, Reference])[];
  /** what an env file gives as it is */
  readonly plain: readonly Named[];
  /** the names are told and no variables: the flow may give one value, and any of its entries */
  readonly bare: boolean;
}

type Named = readonly [variable: string, of: string];

/** Where values come from: the vault itself, or a broker. */
export interface ValueSource {
  /** @throws FlowError */
  flow(name: string): Promise<Output>;
  secrets(names: readonly string[]): Promise<readonly Secret[]>;
  references(references: readonly Reference[]): Promise<readonly Secret[]>;
}

/** A variable for a program. What is no secret is text. */
export interface Variable {
  readonly name: string;
  readonly value: Secret | string;
  /** epoch seconds, of a token */
  readonly expiresAt?: number | undefined;
}

const none = Promise.resolve([]);

/** The variables that are asked for; of two with the same name the one that is named on the command line is had. */
export async function valuesOf(wanted: Wanted, source: ValueSource): Promise<readonly Variable[]> {
  const { flow, secrets, tokens, references, plain, bare } = wanted;
  const [entries, named, issued] = await Promise.all([
    flow === undefined ? none : source.flow(flow).then((output) => entriesOf(flow, output, bare)),
    secrets.length === 0 ? none : source.secrets(secrets.map(([, name]) => name)),
    Promise.all(tokens.map(async ([name, of]) => tokenOf(name, of, await source.flow(of)))),
  ]);
  const open = [
    ...references,
    ...entries.flatMap(({ name, value }) => (value instanceof Reference ? [[name, value] as const] : [])),
  ];
  const read = open.length === 0 ? [] : await source.references(open.map(([, reference]) => reference));
  const variables = [
    ...plain.map(([name, value]) => ({ name, value })),
    ...open.map(([name], index) => ({ name, value: read[index] ?? missing(name) })),
    ...entries.flatMap(({ value, ...more }) => (value instanceof Reference ? [] : [{ ...more, value }])),
    ...secrets.map(([name], index) => ({ name, value: named[index] ?? missing(name) })),
    ...issued,
  ];
  return [...new Map(variables.map((variable) => [variable.name, variable])).values()];
}

/** A variable whose value may still have to be read. */
interface Entry extends Omit<Variable, 'value'> {
  readonly value: Variable['value'] | Reference;
}

function entriesOf(flow: string, output: Output, bare: boolean): readonly Entry[] {
  if (bare && output.kind === 'scalar') return [entryOf(flow, output.value)];
  if (!bare || output.kind !== 'mapping') requireVariables(flow, output);
  return output.kind === 'mapping' ? output.entries.map(([name, shown]) => entryOf(name, shown)) : [];
}

/** @param output as it is declared, or as it came. @throws FlowError usage where its entries are no variables */
export function requireVariables(flow: string, output: Output | FlowOutput | undefined): void {
  if (output?.kind !== 'mapping') {
    throw new FlowError('usage', 'its output is no mapping of variables', {
      hint: `give its token a name: --token API_TOKEN=${flow}`,
      place: { flow },
    });
  }
  for (const [name] of output.entries) requireVariable(name, { flow });
}

/** @throws FlowError usage */
export function noToken(flow: string): never {
  throw new FlowError('usage', 'its output is not a token', { hint: `see flows ${flow} --help`, place: { flow } });
}

function entryOf(name: string, shown: Shown): Entry {
  return { name, value: valueOf(shown), expiresAt: shown.as === 'token' ? shown.token.expiresAt : undefined };
}

function tokenOf(name: string, flow: string, output: Output): Variable {
  const shown = output.kind === 'scalar' ? output.value : undefined;
  if (shown?.as === 'token') return { name, value: shown.token.accessToken, expiresAt: shown.token.expiresAt };
  return noToken(flow);
}

function valueOf(shown: Shown): Secret | string | Reference {
  if (shown.as === 'secret' || shown.as === 'reference') return shown.value;
  if (shown.as === 'token') return shown.token.accessToken;
  if (shown.as === 'one-time-code') return shown.code;
  return typeof shown.value === 'string' ? shown.value : JSON.stringify(shown.value);
}

/** @throws FlowError usage for what no shell takes as a variable's name */
export function requireVariable(name: string, place: { readonly flow?: string; readonly subject?: string } = {}): void {
  if (/^[A-Za-z_]\w*$/.test(name)) return;
  throw new FlowError('usage', `"${name}" is not a name for a variable`, {
    hint: 'letters, digits and _, beginning with no digit',
    place,
  });
}

function missing(name: string): never {
  throw new FlowError('internal', `no value came for ${name}`);
}
