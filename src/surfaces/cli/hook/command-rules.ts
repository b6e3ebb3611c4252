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
  'gh auth token',
  'flows read',
  'flows exec --no-mask',
  'export -p',
  'declare -p',
  'declare -x',
  'typeset -p',
  'typeset -x',
];

/** programs that show what is in the files that they are given */
const readers = new Set(
  `cat tac nl less more most head tail bat batcat grep egrep fgrep rg ag ack sed awk gawk mawk cut sort uniq strings xxd od
  hexdump base64 base32 diff comm paste fold tee jq yq curl wget`.split(/\s+/),
);

/** words before a command that are none of it */
const keywords = new Set(['then', 'do', 'else', 'elif', 'if', 'while', 'until', '!', '{', 'time']);
/** programs that run another */
const wrappers = new Set(
  'sudo doas command builtin exec nohup nice ionice env xargs timeout stdbuf setsid npx bunx busybox toybox'.split(' '),
);
/** shells within each other that are looked into */
const deepest = 10;
/** options of theirs that have a value */
const valued = new Set(['-u', '-g', '-n', '-I', '-P', '-s', '-k', '-C', '-p', '-L', '-S']);
const shells = new Set(['sh', 'bash', 'zsh', 'dash', 'ksh', 'ash']);
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
export function shownBy(script: string, rules: CommandRules): Showing | undefined {
  const moved: string[] = [];
  for (const command of commandsIn(script).flatMap((each) => withinOf(each))) {
    const [program, folder] = command.words;
    if (program === 'cd' && folder !== undefined) moved.push(folder);
    if (rules.allow.some((words) => has(command.words, words))) continue;
    const found = shownByOne(command, moved, rules);
    if (found !== undefined) return found;
  }
  return undefined;
}

function shownByOne(command: ShellCommand, moved: Moved, { commands, holdsValues }: CommandRules): Showing | undefined {
  const { words, inputs } = command;
  const listed = [...usual, ...commands].find((each) => has(words, each));
  if (listed !== undefined) return { what: 'command', subject: listed };
  const shown = environmentShownBy(command);
  if (shown !== undefined) return { what: 'environment', subject: shown };
  const [program = '', ...rest] = words;
  const read = readers.has(program) ? rest.flatMap((word) => [word, word.replace(/^.*?[=@]/s, '')]) : [];
  const file = [...inputs, ...read].find((path) => holdsValues(path, moved));
  return file === undefined ? undefined : { what: 'file', subject: file, moved };
}

/** Whether a command has these words, in this order: options may stand between them. */
function has(words: readonly string[], pattern: string): boolean {
  let at = 0;
  return pattern.split(/\s+/).every((wanted, index) => {
    const found = words.findIndex((word, place) => place >= at && (word === wanted || word.startsWith(`${wanted}/`)));
    at = found + 1;
    return found !== -1 && (index > 0 || found === 0);
  });
}

function environmentShownBy({ words: [program = '', ...rest], variables }: ShellCommand): string | undefined {
  const named = rest.filter((word) => !word.startsWith('-'));
  switch (program) {
    case 'env':
      return 'env';
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
  const words = unwrapped(command.words);
  const [first = '', ...rest] = words;
  const program = first.replace(/^.*[/\\]/s, '');
  // what follows is another program's, whose output ours masks
  const end = program === 'flows' ? words.indexOf('--') : -1;
  const own = end === -1 ? rest : words.slice(1, end);
  const itself = { ...command, words: words.length === 0 ? [] : [program, ...own] };
  const flag = shells.has(program) ? rest.findIndex((word) => /^-\w*c$/.test(word)) : -1;
  const script = program === 'eval' ? rest.join(' ') : flag === -1 ? undefined : rest[flag + 1];
  if (script !== undefined) return [itself, ...commandsIn(script).flatMap((each) => withinOf(each, depth + 1))];
  const exec = program === 'find' ? rest.findIndex((word) => /^-(?:exec|execdir|ok)$/.test(word)) : -1;
  return exec === -1
    ? [itself]
    : [itself, ...withinOf({ ...command, words: [...rest.slice(exec + 1), ...rest.slice(0, exec)] }, depth + 1)];
}

function unwrapped(all: readonly string[]): readonly string[] {
  let words = all;
  for (;;) {
    const [first = ''] = words;
    const name = first.replace(/^.*\//s, '');
    if (keywords.has(first) || /^\w+\+?=/.test(first)) words = words.slice(1);
    else if (wrappers.has(name)) {
      const inner = afterOptions(words.slice(1));
      // alone it shows the environment
      if (inner.length === 0 && name === 'env') return ['env'];
      words = inner;
    } else return words;
  }
}

function afterOptions(words: readonly string[]): readonly string[] {
  let at = 0;
  for (; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (word === '--') return words.slice(at + 1);
    if (valued.has(word)) at += 1;
    else if (!word.startsWith('-') && !/^\w+=|^\d+(?:\.\d+)?[smhd]?$/.test(word)) break;
  }
  return words.slice(at);
}
