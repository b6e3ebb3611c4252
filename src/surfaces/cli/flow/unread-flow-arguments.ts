import { parseArguments } from '../arguments.ts';
import { commonOptions, type OptionTable, runOptions } from '../command-table.ts';

export interface AskedArguments {
  readonly positionals: readonly string[];
  readonly inputs: Readonly<Record<string, string | boolean>>;
  readonly chosen: ReadonlySet<string>;
}

const known: OptionTable = { ...commonOptions, ...runOptions };

/**
 * The words of a flow whose file is not read: what is no option of the command is an input, with the word after it as
 * its value, or true. @throws FlowError usage
 */
export function askedArguments(argv: readonly string[]): AskedArguments {
  const end = argv.indexOf('--');
  const options = (end === -1 ? argv : argv.slice(0, end)).map((word, index) => ({ word, next: argv[index + 1] }));
  const inputs: OptionTable = Object.fromEntries(
    options.flatMap(({ word, next }) => {
      const [, name, inline] = /^--([^=]+)(=)?/s.exec(word) ?? [];
      if (name === undefined || isKnown(name)) return [];
      const text = inline !== undefined || (next !== undefined && !next.startsWith('--'));
      return [[name, { type: text ? ('string' as const) : ('boolean' as const), help: '' }]];
    }),
  );
  const { positionals, values } = parseArguments(argv, { ...known, ...inputs });
  const given = Object.entries(values);
  return {
    positionals,
    inputs: Object.fromEntries(
      given
        .filter(([name]) => !Object.hasOwn(known, name))
        .map(([name, value]) =>
          value === true && name.startsWith('no-') ? ([name.slice(3), false] as const) : ([name, value] as const),
        ),
    ),
    chosen: new Set(
      given.filter(([name, value]) => Object.hasOwn(runOptions, name) && value === true).map(([name]) => name),
    ),
  };
}

function isKnown(name: string): boolean {
  return Object.hasOwn(known, name) || (name.startsWith('no-') && Object.hasOwn(known, name.slice(3)));
}
