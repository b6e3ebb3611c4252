import { commonOptionNames } from '../../../folder/reserved-names.ts';
import {
  type Choice,
  type CommandFacts,
  commandTable,
  commonOptions,
  isCommand,
  type OptionTable,
  runOptions,
  type WordFacts,
} from '../command-table.ts';
import type { FolderNames, Named } from './folder-names.ts';

/** What may come next, and what it is; or what the shell itself completes. */
type Candidate = Named | 'files' | 'folders';

/** Words in front of the one that is completed, told apart. */
interface Before {
  readonly positionals: readonly string[];
  /** the option whose value comes next */
  readonly open: string | undefined;
}

/**
 * What the last of some words may become, from the table of commands and the names of a folder.
 * @param words behind `flows`, up to the cursor; the last one may be empty
 */
export function candidatesOf(words: readonly string[], names: FolderNames): readonly Candidate[] {
  const current = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const { positionals } = look(before, commonOptions);
  const facts = factsOf(positionals, names);
  const options: OptionTable = { ...facts.options, ...commonOptions };
  const { open } = look(before, options);
  const [, inline, begun] = /^--([^=]+)=(.*)$/s.exec(current) ?? [];
  const valueOf = inline ?? open;
  if (valueOf !== undefined) {
    const prefix = inline === undefined ? '' : `--${inline}=`;
    return begins(chosen(options[valueOf]?.choices ?? [], names), begun ?? current, prefix);
  }
  if (current.startsWith('-')) {
    const given = new Set(before.flatMap((word) => /^--(?:no-)?([^=]+)/.exec(word)?.[1] ?? []));
    const left = Object.entries(options).filter(([name]) => !given.has(name));
    return begins(
      left.map(([name, { help }]): Candidate => [`--${name}`, help]),
      current,
    );
  }
  return begins(chosen(facts.words, names, facts.verbs), current);
}

/** What follows the words that were given: the options, and what the next word may be. */
interface Following {
  readonly options: OptionTable;
  readonly words: readonly Choice[];
  readonly verbs: readonly Candidate[];
}

function factsOf([first, ...rest]: readonly string[], names: FolderNames): Following {
  if (first === undefined) return { options: {}, words: ['commands', 'flows'], verbs: [] };
  if (!isCommand(first)) return ofFlow(first, names);
  if (first === 'run' && rest[0] !== undefined) return ofFlow(rest[0], names);
  const facts: CommandFacts = commandTable[first];
  const verb = rest[0] === undefined ? undefined : facts.verbs?.[rest[0]];
  const { options = {}, words = [] }: WordFacts = verb ?? facts;
  const verbs = Object.entries(rest.length === 0 ? (facts.verbs ?? {}) : {});
  return {
    options,
    words: words[verb === undefined ? rest.length : rest.length - 1] ?? [],
    verbs: verbs.map(([name, { help }]): Candidate => [name, help]),
  };
}

function ofFlow(name: string, names: FolderNames): Following {
  return { options: { ...runOptions, ...names.inputs(name) }, words: [], verbs: [] };
}

function look(words: readonly string[], options: OptionTable): Before {
  const positionals: string[] = [];
  let open: string | undefined;
  for (const word of words) {
    const name = open === undefined ? /^--([^=]+)$/.exec(word)?.[1] : undefined;
    if (open !== undefined) open = undefined;
    else if (name !== undefined && options[name]?.type === 'string') open = name;
    else if (!word.startsWith('-')) positionals.push(word);
  }
  return { positionals, open };
}

function chosen(choices: readonly Choice[], names: FolderNames, more: readonly Candidate[] = []): readonly Candidate[] {
  return [...more, ...choices.flatMap((choice): readonly Candidate[] => ofChoice(choice, names))];
}

function ofChoice(choice: Choice, names: FolderNames): readonly Candidate[] {
  if (typeof choice !== 'string') return choice.map((word): Candidate => [word, '']);
  if (choice === 'files' || choice === 'folders') return [choice];
  if (choice !== 'commands') return names[choice]();
  return Object.entries(commandTable).map(([name, { usage }]): Candidate => [name, usage[0][1]]);
}

function begins(candidates: readonly Candidate[], begun: string, prefix = ''): readonly Candidate[] {
  return candidates.flatMap((each): readonly Candidate[] => {
    if (typeof each === 'string') return [each];
    const [word, help] = each;
    return word.startsWith(begun) ? [[`${prefix}${word}`, help]] : [];
  });
}

/** The folder that some words name; undefined: the usual one. */
export function folderIn(words: readonly string[]): string | undefined {
  const inline = words.findLast((word) => word.startsWith('--dir='));
  const at = words.lastIndexOf(`--${commonOptionNames[0]}`);
  return inline?.slice('--dir='.length) ?? (at === -1 || at >= words.length - 2 ? undefined : words[at + 1]);
}
