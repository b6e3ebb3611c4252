import type { ShellCommand } from './shell.ts';

/** Commands that show nothing of the files that they name: all others are taken to show them. */
const showless =
  `ls|stat|du|wc|file|tree|find|fd|test|[|[[|rm|unlink|shred|touch|chmod|chown|chgrp|mkdir|rmdir|tee|echo|printf|export
  |cd|realpath|readlink|basename|dirname|make|direnv|flows|ssh-add|ssh-copy-id|ssh-keygen|sed -i|sed -i.bak|grep -q
  |vercel env pull|truncate|code|command -v|command -V|python -m venv|python3 -m venv|virtualenv|uv venv`
    .split('|')
    .map((each) => each.trim().split(' '));

const patches = /^(?:-[a-z]*[puc]|-[ULSG]|--(?:pat|uni|cc|dd|remer|bin|diff-merges))/;
/** Subcommands of git that show no contents, but by these options. */
const gitShowless: readonly (readonly [string, RegExp])[] = [
  ['branch check-ignore clean fetch ls-files ls-tree pull push rev-list rev-parse rm switch update-index', /^--path/],
  ['add checkout reset restore stash', /^(?:-[a-zA-Z]*[pie]|--(?:pat|int|edit))/],
  ['commit status', /^(?:-[a-zA-Z]*[pvFt]|--(?:pat|int|verb|file|temp))/],
  ['log', patches],
];
/** what makes others tell of files instead of their contents */
const listing = /^(?:-s|--(?:no-patch|quiet|stat|numstat|shortstat|name-only|name-status)(?:=|$))/;

/** Options whose file goes to what needs it, or is left out, and those whose value is a pattern: of any program, or of one. */
const handedOn = new Set(
  `--env-file|--env-file-if-exists|--from-env-file|--exclude|--private-key|dotenv_config_path|gh -f|dotenv -e|dotenv-cli -e|env-cmd -f|foreman -e|act --secret-file
  |ssh -i|scp -i|sftp -i|docker -v|docker --volume|docker --mount|docker --secret|podman -v|podman --volume|podman --mount|zip -x
  |--ignore-pattern|--testNamePattern|--grep|--jq|--format|jest -t|vitest -t|pytest -k|gh -q`
    .split('|')
    .map((each) => each.trim()),
);

/** programs whose first word is none of a file, unless an option gives what to look for or to do */
const patterned = new Set('grep egrep fgrep rg ag ack sed awk gawk mawk jq yq'.split(' '));
const givesPattern = /^(?:-[ef]|--(?:regexp|file|expression|from-file)(?:=|$))/;
/** programs that leave the contents under another name */
const copying = new Set(['cp', 'mv', 'ln', 'install']);
/** programs that take code, whose files stand in quotes */
const interpreters = /^(?:python|pypy|node|deno|bun|tsx|ruby|perl|php|lua|Rscript|osascript|[gm]?awk)[\d.]*$/;
/** what code does to have the values in its environment */
const loading = /(?:\bload_dotenv|\bloadEnvFile|\.config)\([^()]*\)/g;
/** programs whose words are files, also where they read like a sentence */
const reading = new Set('cat head tail less more bat nl tac base64 xxd od strings source .'.split(' '));
/** what git leaves out */
const pathspecLeftOut = /^:(?:[!^]|\([^)]*exclude)/;

/** Whether a command has these words, in this order: options may stand between them. */
export function has(words: readonly string[], pattern: readonly string[]): boolean {
  return behind(words, pattern) !== undefined;
}

/** The words behind these. */
export function behind(words: readonly string[], pattern: readonly string[]): readonly string[] | undefined {
  const is = (word = '', wanted = '') => word === wanted || word.startsWith(`${wanted}/`);
  let at = 0;
  const found =
    is(words[0], pattern[0]) &&
    pattern.slice(1).every((wanted) => {
      at = words.findIndex((word, place) => place > at && is(word, wanted));
      return at !== -1;
    });
  return found ? words.slice(at + 1) : undefined;
}

function showsNothing(words: readonly string[]): boolean {
  if (words[0] !== 'git') return showless.some((each) => has(words, each));
  const at = words.findIndex((word, place) => place > 0 && !/^-/.test(word) && !/^-[cC]$/.test(words[place - 1] ?? ''));
  const [subcommand = '', rest] = [words[at], words.slice(at + 1)];
  // of a path in a commit, both show what is there, whatever the options
  if (subcommand === 'diff' || subcommand === 'show')
    return (
      rest.some((word) => listing.test(word)) &&
      !rest.some((word) => patches.test(word) || /^(?!-)[^:]*:(?![!^(])/.test(word))
    );
  return gitShowless.some(
    ([names, showing]) => names.split(' ').includes(subcommand) && !rest.some((word) => showing.test(word)),
  );
}

/** The first file that a command would show, or put where nobody knows it. @param holds whether a file holds values */
export function fileShownBy(command: ShellCommand, holds: (path: string) => boolean): string | undefined {
  const { words, inputs } = command;
  const read = inputs.find(holds);
  if (read !== undefined || showsNothing(words)) return read;
  const target = copying.has(words[0] ?? '') ? words.at(-1) : undefined;
  return namedBy(command).find((path) => holds(path) && (target === undefined || !holds(copyAt(target, path))));
}

/** Where a file is put: a folder keeps its name. */
function copyAt(target: string, path: string): string {
  return /(?:^|\/)\.{0,2}$/.test(target) ? `${target}/${path.replace(/^.*\//s, '')}` : target;
}

/** What may be files among the words of a command. */
export function namedBy({ words: [program = '', ...rest], given = '' }: ShellCommand): readonly string[] {
  const isHandedOn = (option: string) =>
    handedOn.has(option) ||
    handedOn.has(`${program} ${option}`) ||
    // others of its commands show what is there
    (option === '-f' && /^dotenvx?$/.test(program) && rest.includes('run'));
  const pattern =
    patterned.has(program) && !rest.some((word) => givesPattern.test(word))
      ? rest.findIndex((word) => !word.startsWith('-'))
      : -1;
  const named = rest.filter(
    (word, at) =>
      at !== pattern &&
      !isHandedOn(rest[at - 1] ?? '') &&
      !isHandedOn(word.replace(/=.*/s, '')) &&
      !pathspecLeftOut.test(word) &&
      !(program === 'find' && (/^(?:!|-not)$/.test(rest[at - 2] ?? '') || rest[at + 1] === '-prune')) &&
      // a variable of what is run
      !/^[A-Z_][A-Z\d_]*=(?!@)/.test(word),
  );
  const code = interpreters.test(program) ? [...rest, given].map((text) => text.replaceAll(loading, '')) : [];
  const quoted = code.flatMap((text) => [...text.matchAll(/["'`]([^"'`\s]+)["'`]/g)].map(([, path = '']) => path));
  // those after `!` are left out
  return [...(reading.has(program) ? named : []), ...named.flatMap(withParts), ...quoted].filter(
    (path) => !path.startsWith('!'),
  );
}

/** `--file=.env`, `-F x=@.env`, `HEAD:.env`, `.env{,.local}`, `-T.env`; a sentence that ends with a name, or a line of options, is no path. */
function withParts(word: string): readonly string[] {
  if (/\s/.test(word)) return /\s(?:-|[^/]*$)/.test(word) ? [] : [word];
  return [word, ...word.split(/[=@:,{}]/), ...(/^-\w/.test(word) ? [word.slice(2)] : [])];
}
