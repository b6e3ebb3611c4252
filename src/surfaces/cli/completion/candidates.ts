import { commandNames } from '../../../folder/reserved-names.ts';
import { looseArguments } from '../arguments.ts';
import {
  type Choice,
  type CommandFacts,
  commandTable,
  commonOptions,
  isCommand,
  listOptions,
  type OptionFacts,
  type OptionTable,
} from '../command-table.ts';
import { flowsFolder } from '../flows-folder.ts';
import type { Answer, Candidate, Line } from './answer.ts';
import { type FolderNames, namesIn } from './folder-names.ts';

/** What may follow. */
interface Place {
  readonly options: OptionTable;
  readonly choices: readonly Choice[];
  /** words that may stand there as well as an option: offered with these, so that none of them is the only one */
  readonly besides?: readonly Candidate[];
  readonly next: (word: string) => Place | Promise<Place>;
}

/** What may stand where a line ends. Files are read, and nothing is contacted. */
export async function complete({ before, current }: Line): Promise<Answer> {
  const { dir } = looseArguments(before, commonOptions);
  const names = namesIn(flowsFolder(dir));
  const given = new Set<string>();
  let place = first(names);
  let wanted: OptionFacts | undefined;
  let ended = false;
  for (const word of before) {
    if (wanted !== undefined) wanted = undefined;
    else if (ended || !word.startsWith('-')) place = await place.next(word);
    else if (word === '--') ended = true;
    else {
      const [, name = '', inline] = /^--(?:no-(?!.*=))?([^=]*)(=)?/s.exec(word) ?? [];
      given.add(name);
      const facts = Object.hasOwn(place.options, name) ? place.options[name] : undefined;
      wanted = facts?.type === 'string' && inline === undefined ? facts : undefined;
    }
  }
  if (wanted !== undefined) return valuesOf(wanted, current, names);
  const [, option, equals] = ended ? [] : (/^--([^=]+)(=)?/s.exec(current) ?? []);
  if (option !== undefined && equals !== undefined) {
    const facts = Object.hasOwn(place.options, option) ? place.options[option] : undefined;
    const answer = await valuesOf(facts, current.slice(`--${option}=`.length), names);
    return begunWith(`--${option}=`, answer);
  }
  const left = Object.entries(place.options).filter(([name]) => !given.has(name));
  const options = left.flatMap(([name, { type, help }]) => {
    // the other way round is offered to who asks for it
    const negated = current.startsWith('--no') && type === 'boolean' ? [{ value: `--no-${name}`, help }] : [];
    return [{ value: `--${name}`, help }, ...negated];
  });
  if (!ended && current.startsWith('-')) return options;
  const { besides = [], choices } = place;
  const answer = await chosen(choices, names);
  return choices.length > 0 || ended ? answer : [...besides, ...options];
}

/** What the value of an option may be. @param written how it begins */
async function valuesOf(
  { choices = [], keyed }: Partial<OptionFacts> = {},
  written: string,
  names: FolderNames,
): Promise<Answer> {
  const [key] = keyed === true ? (/^[^=]*=/.exec(written) ?? []) : [''];
  return key === undefined ? [] : begunWith(key, await chosen(choices, names));
}

function begunWith(text: string, answer: Answer): Answer {
  return typeof answer === 'string' ? answer : answer.map(({ value, help }) => ({ value: `${text}${value}`, help }));
}

/** The beginning: a command or a flow, or options of the list. */
function first(names: FolderNames): Place {
  return {
    options: { ...commonOptions, ...listOptions },
    choices: ['commands', 'flows'],
    next: (word) => (isCommand(word) ? ofCommand(word, names) : ofFlow(word, names)),
  };
}

function ofCommand(name: keyof typeof commandTable, names: FolderNames): Place {
  const { options = {}, words = [], verbs }: CommandFacts = commandTable[name];
  const own = { ...commonOptions, ...options };
  // what follows the flow's name is the flow's
  if (name === 'run') return { ...further(own, words), next: (word) => ofFlow(word, names) };
  if (verbs === undefined) return further(own, words);
  return {
    options: own,
    choices: [Object.entries(verbs).map(([value, { help }]) => ({ value, help })), ...(words[0] ?? [])],
    next(word) {
      const verb = Object.hasOwn(verbs, word) ? verbs[word] : undefined;
      if (verb === undefined && words.length > 0) return further(own, words.slice(1));
      return further({ ...commonOptions, ...verb?.options }, verb?.words ?? []);
    },
  };
}

function further(options: OptionTable, [choices = [], ...words]: readonly (readonly Choice[])[]): Place {
  return { options, choices, next: () => further(options, words) };
}

/** A word beside its options, where it is for break-glass: what follows that is the closing flow's. */
async function ofFlow(name: string, names: FolderNames): Promise<Place> {
  const [options, close] = await Promise.all([names.optionsOf(name), names.closeOf(name)]);
  const own = further({ ...options, ...commonOptions }, []);
  if (close === undefined) return own;
  const closing = { value: 'close', help: `end a use of it: run ${close}` };
  const next = async (word: string) =>
    word === closing.value ? further({ ...(await names.optionsOf(close)), ...commonOptions }, []) : own;
  return { ...own, besides: [closing], next };
}

async function chosen(choices: readonly Choice[], names: FolderNames): Promise<Answer> {
  const found: Candidate[] = [];
  for (const choice of choices) {
    if (choice === 'files' || choice === 'folders') return choice;
    found.push(
      ...(typeof choice === 'string'
        ? await known[choice](names)
        : choice.map((each) => (typeof each === 'string' ? { value: each } : each))),
    );
  }
  return found;
}

const known = {
  agents: (names) => names.agents(),
  commands: () => commandNames.map((value) => ({ value, help: helpOf(commandTable[value]) })),
  environments: (names) => names.environments(),
  flows: (names) => names.flows(),
  secrets: (names) => names.secrets(),
} as const satisfies Record<
  Extract<Exclude<Choice, 'files' | 'folders'>, string>,
  (names: FolderNames) => readonly Candidate[] | Promise<readonly Candidate[]>
>;

function helpOf({ usage: [line] }: CommandFacts): string | undefined {
  return line?.[1].replace(/;.*/s, '');
}
