import { isAbsolute, relative, resolve } from 'node:path';
import type { Folder } from '../../folder/load-folder.ts';
import { safeLine } from '../../foundation/safe-line.ts';
import { formatProblem, type Problem } from '../../language/problems.ts';
import type { Terminal } from './terminal.ts';

/** Every problem on stderr; on GitHub also as annotations of the files. @param by what looked at them */
export function tellProblems(problems: readonly Problem[], terminal: Terminal, by = 'flows check'): void {
  const color = terminal.paintErr('bold', '') !== '';
  for (const problem of problems) terminal.err(`${formatProblem(problem, { color })}\n`);
  if (process.env['GITHUB_ACTIONS'] !== 'true') return;
  for (const { file, line, column, message, hint, warning } of problems) {
    const text = hint === undefined ? message : `${message} (${hint})`;
    const what = warning === true ? 'warning' : 'error';
    terminal.out(
      `::${what} file=${property(inWorkspace(file))},line=${line},col=${column},title=${by}::${data(text)}\n`,
    );
  }
}

/** What stands in the way of one flow: problems of its file, and of service.yaml. */
export function problemsOf(folder: Folder, flow: string): readonly Problem[] {
  const names = new Set([`${flow}.yaml`, 'service.yaml']);
  return folder.problems.filter(({ file }) => names.has(file.split(/[/\\]/).at(-1) ?? ''));
}

/** GitHub knows a file by its path from the top of the checkout, wherever the command runs. */
function inWorkspace(file: string): string {
  const top = process.env['GITHUB_WORKSPACE'] ?? '';
  const path = relative(top, resolve(file));
  return top === '' || path.startsWith('..') || isAbsolute(path) ? file : path;
}

/** As GitHub's workflow commands escape them; the text is one line. */
function data(text: string): string {
  return safeLine(text).replaceAll('%', '%25');
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
