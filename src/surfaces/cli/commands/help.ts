import { unexpectedWord, wordsOf } from '../arguments.ts';
import { type CommandFacts, commandTable, commonOptions, flowUsage, isCommand } from '../command-table.ts';
import { helpRows, optionRows } from '../help-lines.ts';
import type { Invocation } from '../invocation.ts';

/** `flows help`, `flows --help`, `flows help NAME`, and `flows COMMAND --help`. */
export async function help(invocation: Invocation): Promise<number> {
  const { terminal } = invocation;
  const [first, second, extra] = wordsOf(invocation.argv);
  const name = first === 'help' ? second : first;
  if (name === undefined || isCommand(name)) {
    const head = name === undefined ? '1Password as the trust anchor of a running system.\n\n' : '';
    const own = name === undefined ? '' : ownOptions(commandTable[name]);
    const notes = name === undefined ? '' : notesOf(commandTable[name]);
    terminal.out(`${head}${helpRows(usageOf(name))}${own}\noptions:\n${optionRows(commonOptions)}${notes}`);
    return 0;
  }
  if (extra !== undefined) throw unexpectedWord(extra);
  // only this reads the folder
  return (await import('../flow/flow-help.ts')).helpOfFlow(invocation, name);
}

function usageOf(name: keyof typeof commandTable | undefined): CommandFacts['usage'] {
  if (name !== undefined) return commandTable[name].usage;
  return [...flowUsage, ...Object.values(commandTable).flatMap(({ usage }: CommandFacts) => usage)];
}

function notesOf({ notes = [] }: CommandFacts): string {
  return notes.length === 0 ? '' : `\n${notes.map((line) => `${line}\n`).join('')}`;
}

/** The options of a command, and of each word that it takes first. */
function ownOptions({ options = {}, verbs = {} }: CommandFacts): string {
  const parts = Object.entries(verbs).flatMap(([verb, { help: what, options: own = {} }]) =>
    Object.keys(own).length === 0 ? [] : [`\n${verb}: ${what}\n${optionRows(own)}`],
  );
  const first = Object.keys(options).length === 0 ? '' : `\noptions of its own:\n${optionRows(options)}`;
  return `${first}${parts.join('')}`;
}
