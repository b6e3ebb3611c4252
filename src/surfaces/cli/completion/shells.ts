import { oneLine } from '../../../foundation/errors.ts';
import { isSafeLine } from '../../../foundation/safe-line.ts';
import type { Answer, Candidate, Line } from './answer.ts';
import { bashWords } from './bash-words.ts';

interface Shell {
  /** its script, in `infra/completion` */
  readonly script: string;
  /** @param current after an equals sign, since some shells drop an argument that is empty */
  line(current: string, rest: readonly string[]): Line & { readonly quoted?: (value: string) => string | undefined };
  /** it leaves it to us which words begin as the one that is wanted */
  readonly filters?: true;
  /** it shows no more than the words */
  readonly bare?: true;
}

const words: Shell['line'] = (current, before) => ({ before, current });

/** How each shell asks. */
export const shells = {
  bash: {
    script: 'flows.bash',
    line: (current, [breaks = '']) => bashWords(current, breaks),
    filters: true,
    bare: true,
  },
  zsh: { script: 'flows.zsh', line: words },
  fish: { script: 'flows.fish', line: words },
  powershell: { script: 'flows.ps1', line: words, filters: true },
} as const satisfies Readonly<Record<string, Shell>>;
type ShellName = keyof typeof shells;

export function isShell(name: string): name is ShellName {
  return Object.hasOwn(shells, name);
}

/** The answer as a shell's script reads it: what it is, then a word on each line. */
export async function answerFor(
  name: ShellName,
  [current = '', ...rest]: readonly string[],
  complete: (line: Line) => Promise<Answer>,
): Promise<string> {
  const shell: Shell = shells[name];
  const line = shell.line(current.slice(1), rest);
  const answer = await complete(line);
  if (typeof answer === 'string') return `${answer}\n`;
  const fitting = answer.filter(
    ({ value }) => isSafeLine(value) && (shell.filters !== true || value.startsWith(line.current)),
  );
  const shown = ({ value, help = '' }: Candidate) => {
    const quoted = line.quoted === undefined ? value : line.quoted(value);
    return quoted === undefined ? [] : [shell.bare === true ? quoted : `${quoted}\t${oneLine(help)}`];
  };
  return ['names', ...fitting.flatMap(shown)].map((text) => `${text}\n`).join('');
}
