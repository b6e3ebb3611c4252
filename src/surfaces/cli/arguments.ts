import { FlowError } from '../../foundation/errors.ts';
import { nearest } from '../../language/nearest-name.ts';

// as an import it would load everything that node:util exports: a tenth of node's own start
const { parseArgs } = process.getBuiltinModule('node:util');

export interface OptionFacts {
  readonly type: 'string' | 'boolean';
  /** what stands for its value in help */
  readonly value?: string;
  readonly help: string;
}
export type OptionTable = Readonly<Record<string, OptionFacts>>;

export const commonOptions = {
  dir: { type: 'string', value: 'FOLDER', help: 'folder of flows (default: flows)' },
  environment: { type: 'string', value: 'NAME', help: 'environment of service.yaml (or FLOWS_ENVIRONMENT)' },
  help: { type: 'boolean', help: 'show help' },
  version: { type: 'boolean', help: 'show the version' },
  color: { type: 'boolean', help: 'colour, or --no-color (NO_COLOR is respected)' },
  debug: { type: 'boolean', help: 'show the stack of an unexpected fault' },
} as const satisfies OptionTable;

export const runOptions = {
  plan: { type: 'boolean', help: 'show what would change, and stop' },
  'detailed-exitcode': { type: 'boolean', help: 'with --plan: exit 0 for no changes, 3 where something would change' },
  yes: { type: 'boolean', help: 'write without asking' },
  json: { type: 'boolean', help: 'answer as JSON' },
  reveal: { type: 'boolean', help: 'show secrets in a terminal' },
  header: { type: 'boolean', help: 'a token as an Authorization header line, for curl -H @-' },
  overwrite: { type: 'boolean', help: 'push: replace what someone else wrote' },
  adopt: { type: 'boolean', help: 'push: take over what was never pushed from here' },
  strict: { type: 'boolean', help: 'push: describe every secret instead of trusting the list' },
} as const satisfies OptionTable;

export interface Arguments {
  readonly positionals: readonly string[];
  readonly values: Readonly<Record<string, string | boolean>>;
}

/**
 * The words before it is known which options there are: the positionals, the command or flow first.
 * @param sure how many of them must be certain
 * @throws FlowError usage, for an unknown option in front of one of those: the word may be its value
 */
export function wordsOf(argv: readonly string[], sure = 1): readonly string[] {
  const table = { ...commonOptions, ...runOptions };
  const args = { args: [...argv], options: plainOptions(table), strict: false, allowPositionals: true } as const;
  const { tokens, positionals } = parseArgs({ ...args, tokens: true });
  let left = Math.min(sure, positionals.length);
  for (const token of tokens) {
    if (token.kind === 'positional') left -= 1;
    if (left === 0) break;
    if (token.kind === 'option' && factsOf(token.name, table) === undefined) throw unknownOption(token.rawName, table);
  }
  return positionals;
}

/** Values of a table's options, whatever else is there. */
export function looseArguments(argv: readonly string[], table: OptionTable): Readonly<Record<string, unknown>> {
  return parseArgs({ args: [...argv], options: plainOptions(table), strict: false, allowPositionals: true }).values;
}

/** All of the words, checked against a table. @throws FlowError usage, for the first word that does not fit */
export function parseArguments(argv: readonly string[], table: OptionTable): Arguments {
  const { tokens } = parseArgs({
    args: [...argv],
    options: plainOptions(table),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const positionals: string[] = [];
  const values: Record<string, string | boolean> = {};
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const found = factsOf(token.name, table);
    if (found === undefined) throw unknownOption(token.rawName, table);
    const { name, facts, negated } = found;
    if (Object.hasOwn(values, name))
      throw new FlowError('usage', `option ${token.rawName} is given twice`, { hint: 'give it once' });
    values[name] =
      facts.type === 'string'
        ? stringValue(token.rawName, token.value, token.inlineValue)
        : booleanValue(token.rawName, token.value, negated);
  }
  return { positionals, values };
}

/** The option that is meant by its name or, for a boolean, by `no-` and its name. */
function factsOf(given: string, table: OptionTable) {
  const negated = given.startsWith('no-') && !Object.hasOwn(table, given);
  const name = negated ? given.slice(3) : given;
  const facts = Object.hasOwn(table, name) ? table[name] : undefined;
  return facts === undefined || (negated && facts.type === 'string') ? undefined : { name, facts, negated };
}

export function unexpectedWord(word: string, hint = 'see flows help'): FlowError {
  return new FlowError('usage', `unexpected word "${word}"`, { hint });
}

function stringValue(option: string, value: string | undefined, inline: boolean | undefined): string {
  if (value === undefined || (inline !== true && value.startsWith('--'))) {
    throw new FlowError('usage', `option ${option} needs a value`, {
      hint: `write ${option} VALUE; a value that begins with -- as ${option}=VALUE`,
    });
  }
  return value;
}

function booleanValue(option: string, value: string | undefined, negated: boolean): boolean {
  if (value === undefined || value === 'true') return !negated;
  if (value === 'false') return negated;
  throw new FlowError('usage', `option ${option} takes no value`, { hint: `write ${option} alone` });
}

function unknownOption(option: string, table: OptionTable): FlowError {
  const near = nearest(option.replace(/^-+/, ''), Object.keys(table));
  return new FlowError('usage', `unknown option ${option}`, {
    hint: near === undefined ? 'see --help' : `did you mean --${near}?`,
  });
}

function plainOptions(table: OptionTable): Record<string, { type: 'string' | 'boolean' }> {
  return Object.fromEntries(Object.entries(table).map(([name, { type }]) => [name, { type }]));
}
