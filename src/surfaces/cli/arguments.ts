import { parseArgs } from 'node:util';
import { FlowError } from '../../foundation/errors.ts';
import { nearest } from '../../language/nearest-name.ts';
import { commonOptions, type OptionTable, runOptions } from './command-table.ts';

export interface Arguments {
  readonly positionals: readonly string[];
  readonly values: Readonly<Record<string, string | boolean>>;
  /** of options that may be given more than once, in order */
  readonly lists: Readonly<Record<string, readonly string[]>>;
}

/**
 * The words before it is known which options there are: the positionals, the command or flow first.
 * @param sure how many of them must be certain
 * @param own options that are known besides those of every command
 * @throws FlowError usage, for an unknown option in front of one of those: the word may be its value
 */
export function wordsOf(argv: readonly string[], sure = 1, own: OptionTable = {}): readonly string[] {
  const table = { ...commonOptions, ...runOptions, ...own };
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
  const lists: Record<string, string[]> = {};
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const found = factsOf(token.name, table);
    if (found === undefined) throw unknownOption(token.rawName, table);
    const { name, facts, negated } = found;
    if (facts.several === true) {
      (lists[name] ??= []).push(stringValue(token.rawName, token.value, token.inlineValue));
      continue;
    }
    if (Object.hasOwn(values, name))
      throw new FlowError('usage', `option ${token.rawName} is given twice`, { hint: 'give it once' });
    values[name] =
      facts.type === 'string'
        ? stringValue(token.rawName, token.value, token.inlineValue)
        : booleanValue(token.rawName, token.value, negated);
  }
  return { positionals, values, lists };
}

/** The words of a command that has no flow. @param words how many it takes, its own name too */
export function commonArguments(argv: readonly string[], own: OptionTable = {}, words = 1): Arguments {
  const given = parseArguments(argv, { ...commonOptions, ...own });
  const extra = given.positionals[words];
  if (extra !== undefined) throw unexpectedWord(extra);
  return given;
}

/** What an option is given as a text; undefined where it is not given. */
export function textOf(values: Readonly<Record<string, unknown>>, option: string): string | undefined {
  const value = values[option];
  return typeof value === 'string' ? value : undefined;
}

export function wantsHelp(argv: readonly string[]): boolean {
  return ownWords(argv).includes('--help');
}

/** Words up to `--`: what follows is another program's, or no option. */
export function ownWords(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--');
  return end === -1 ? argv : argv.slice(0, end);
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
  return new FlowError('usage', `unknown option ${option}`, { hint: optionMeant(option, Object.keys(table)) });
}

function optionMeant(option: string, names: readonly string[]): string {
  const word = option.replace(/^-+/, '');
  const near = word.length === 1 ? names.find((name) => name.startsWith(word)) : nearest(word, names);
  if (near !== undefined) return `did you mean --${near}?`;
  // what other tools have as a switch
  if (/^(?:prod|production|staging|stage|dev|development|test)$/.test(word)) return `write --environment ${word}`;
  return 'see --help';
}

function plainOptions(table: OptionTable): Record<string, { type: 'string' | 'boolean' }> {
  return Object.fromEntries(Object.entries(table).map(([name, { type }]) => [name, { type }]));
}
