import { behind, fileShownBy, has, namedBy } from './named-files.ts';
import { commandsIn, type ShellCommand } from './shell.ts';

/** Commands that show what vaults, clusters and the environment hold, by words that they have in this order. */
const usual = [
  'op read',
  'op item get',
  'op document get',
  'op inject',
  'op run',
  'vault read',
  'vault kv get',
  'vault print token',
  'bao read',
  'bao kv get',
  'aws secretsmanager get-secret-value',
  'aws secretsmanager batch-get-secret-value',
  'aws ssm get-parameter --with-decryption',
  'aws ssm get-parameters --with-decryption',
  'gcloud secrets versions access',
  'gcloud auth print-access-token',
  'az keyvault secret show',
  'doppler secrets',
  'infisical secrets',
  'infisical export',
  'chamber read',
  'chamber export',
  'bw get',
  'pass show',
  'gopass show',
  'security find-generic-password',
  'secret-tool lookup',
  'kubectl get secret',
  'kubectl get secrets',
  'dotenv get',
  'dotenv list',
  'dotenv -p',
  'dotenvx get',
  'dotenvx decrypt --stdout',
  'gh auth token',
  'flows read',
  'flows exec --no-mask',
  'export -p',
  'declare -p',
  'declare -x',
  'typeset -p',
  'typeset -x',
].map(wordsOf);

/** words before a command that are none of it */
const keywords = new Set(['then', 'do', 'else', 'elif', 'if', 'while', 'until', '!', '{', 'time']);
/** programs that run another */
const wrappers = new Set(
  'sudo doas command builtin exec nohup nice ionice env xargs timeout stdbuf setsid npx bunx busybox toybox'.split(' '),
);
/** … by words that they have, and how many follow before it: a container, or a file */
const runners = (
  [
    ['pnpm exec|pnpm dlx|yarn exec|yarn dlx|npm exec|uv run|poetry run|pipenv run|pdm run|bundle exec', 0],
    ['dotenv run|dotenvx run|kubectl exec --|oc exec --', 0],
    ['dotenv -e|env-cmd -f|docker exec|docker-compose exec|podman exec', 1],
  ] as const
).flatMap(([names, operands]) => names.split('|').map((name) => [wordsOf(name), operands] as const));
/** programs that run others for what they find, by these options */
const foundRunning = new Map([
  ['find', /^-(?:exec|ok)(?:dir)?$/],
  ...['fd', 'fdfind'].map((name) => [name, /^(?:-[xX]|--exec(?:-batch)?)$/] as const),
]);
/** shells within each other, and runs of one search, that are looked into */
const deepest = 10;
/** options of theirs that have a value */
const valued = new Set(
  `-u -g -n -I -P -s -k -C -p -L -S -e -f -w --user --group --workdir --env --env-file --index --with --package --python
  --project --directory`.split(/\s+/),
);
/** … but have none with these programs */
const valueless = new Map(['sudo', 'doas'].map((name) => [name, /^-[nsSkPe]$/]));
const shells = new Set(['sh', 'bash', 'zsh', 'dash', 'ksh', 'ash']);
/** programs that give a word to a shell */
const elsewhereRunning = new Set(['ssh', 'su', 'watch', 'script', 'parallel']);
/** names of variables that hold secrets */
const secretive = /(?:^|_)(?:API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|PASS|CREDENTIALS?)(?:_|$)/i;

/** What a script would show, in the words of the one who wrote it. */
export type Showing =
  | { readonly what: 'command' | 'environment'; /** the words that do it */ readonly subject: string }
  | { readonly what: 'file'; readonly subject: string; readonly moved: Moved };

/** Folders that a script went to before, each from the one before it, as it names them. */
type Moved = readonly string[];

export interface CommandRules {
  /** besides the usual */
  readonly commands: readonly string[];
  readonly allow: readonly string[];
  readonly holdsValues: (path: string, moved: Moved) => boolean;
}

/** The first thing in a script that shows values; undefined where there is none. */
export function shownBy(script: string, { commands, allow, holdsValues }: CommandRules): Showing | undefined {
  const moved: string[] = [];
  const [allowed, listed] = [allow.map(wordsOf), [...usual, ...commands.map(wordsOf)]];
  for (const command of commandsIn(script).flatMap((each) => withinOf(each))) {
    const { words } = command;
    const [program, folder] = words;
    if (program === 'cd' && folder !== undefined) moved.push(folder);
    if (allowed.some((each) => has(words, each))) continue;
    const found = listed.find((each) => has(words, each));
    if (found !== undefined) return { what: 'command', subject: found.join(' ') };
    const shown = environmentShownBy(command);
    if (shown !== undefined) return { what: 'environment', subject: shown };
    const file = fileShownBy(command, (path) => holdsValues(path, moved));
    if (file !== undefined) return { what: 'file', subject: file, moved };
  }
  return undefined;
}

function wordsOf(text: string): readonly string[] {
  return text.split(/\s+/);
}

function environmentShownBy({ words: [program = '', ...rest], variables }: ShellCommand): string | undefined {
  const named = rest.filter((word) => !word.startsWith('-'));
  switch (program) {
    case 'env':
      return 'env';
    case 'docker':
    case 'podman':
    case 'kubectl': {
      const template = rest.find((word) => /(?<!\$)\{[^{}]*\.env\b/i.test(word));
      return template === undefined ? undefined : `${program} ${template}`;
    }
    case 'set':
    case 'export':
    case 'declare':
    case 'typeset':
      return rest.length === 0 ? program : undefined;
    case 'printenv':
      return named.length === 0 || named.some((name) => secretive.test(name)) ? 'printenv' : undefined;
    case 'echo':
    case 'printf': {
      const name = variables.find((each) => secretive.test(each));
      return name === undefined ? undefined : `$${name}`;
    }
    default:
      return undefined;
  }
}

/** A command without what is before it, by the name of its program; and those that it would run by a shell. */
function withinOf(command: ShellCommand, depth = 0): readonly ShellCommand[] {
  if (depth > deepest) return [];
  const words = unwrapped(command);
  const [first = '', ...rest] = words;
  const program = nameOf(first);
  // what follows is another program's, whose output ours masks
  const end = program === 'flows' ? words.indexOf('--') : -1;
  const own = end === -1 ? rest : words.slice(1, end);
  const itself = { ...command, words: words.length === 0 ? [] : [program, ...own] };
  const runs = runForFound(program, rest);
  if (runs.length > 0) return [itself, ...runs.flatMap((each) => withinOf({ ...command, words: each }, depth + 1))];
  const run = runBy([program, ...own]);
  if (run !== undefined) {
    const runner = { ...itself, words: itself.words.slice(0, itself.words.length - run.length) };
    return [runner, ...withinOf({ ...command, words: run }, depth + 1)];
  }
  const inner = scriptsOf(program, own, command.given).flatMap(commandsIn);
  return [itself, ...inner.flatMap((each) => withinOf(each, depth + 1))];
}

/** What find and its like run, once for each option that says so, with what they look for. */
function runForFound(program: string, words: readonly string[]): readonly (readonly string[])[] {
  const option = foundRunning.get(program);
  if (option === undefined) return [];
  const [runs, others]: [string[][], string[]] = [[], []];
  let run: string[] | undefined;
  for (const word of words) {
    if (run === undefined && option.test(word) && runs.length < deepest) runs.push((run = []));
    else if (word === ';' || (word === '+' && run?.at(-1) === '{}')) run = undefined;
    else (run ?? others).push(word);
  }
  const files = namedBy({ words: [program, ...others], inputs: [], variables: [] });
  return runs.map((each) => [...each, ...files]);
}

/** The words of the command that one starts, in a container or with an environment. */
function runBy(words: readonly string[]): readonly string[] | undefined {
  // these find their own programs, too
  const all = /^(?:pnpm|yarn)$/.test(words[0] ?? '') && words[1] === 'dotenv' ? words.slice(1) : words;
  if (all !== words) return all;
  for (const [pattern, operands] of runners) {
    const rest = behind(words, pattern);
    if (rest !== undefined)
      return operands === 0 ? afterOptions(rest) : afterOptions(afterOptions(rest).slice(operands));
  }
  return undefined;
}

/** What a command gives to a shell: as a word of its own, of what it starts or of another machine, or on its input. */
function scriptsOf(program: string, words: readonly string[], given = ''): readonly string[] {
  if (program === 'eval') return [words.join(' ')];
  const shell = [program, ...words].findIndex((word) => shells.has(nameOf(word)));
  const flag = shell === -1 ? words.length : words.findIndex((word, at) => at >= shell && /^-\w*c$/.test(word));
  const elsewhere = elsewhereRunning.has(program) ? words.filter((word) => /\s/.test(word)) : [];
  const input = shell === 0 || elsewhereRunning.has(program) ? given : '';
  return [...new Set([words[flag + 1] ?? '', ...elsewhere, input])].filter(Boolean);
}

function nameOf(program: string): string {
  return program.replace(/^.*[/\\]/s, '');
}

function unwrapped({ words: all, piped }: ShellCommand): readonly string[] {
  let words = all;
  for (;;) {
    const [first = ''] = words;
    const name = nameOf(first);
    if (keywords.has(first) || /^\w+\+?=/.test(first)) words = words.slice(1);
    else if (name === 'command' && /^-[vV]$/.test(words[1] ?? '')) return words;
    else if (wrappers.has(name)) {
      const inner = afterOptions(words.slice(1), name);
      // alone it shows the environment
      if (inner.length === 0 && name === 'env') return ['env'];
      words = name === 'xargs' && piped !== undefined ? [...inner, ...namedBy(piped)] : inner;
    } else return words;
  }
}

function afterOptions(words: readonly string[], program = ''): readonly string[] {
  let at = 0;
  for (; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (word === '--') return words.slice(at + 1);
    if (valued.has(word) && valueless.get(program)?.test(word) !== true) at += 1;
    else if (!word.startsWith('-') && !/^\w+=|^\d+(?:\.\d+)?[smhd]?$/.test(word)) break;
  }
  return words.slice(at);
}
