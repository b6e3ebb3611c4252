import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { FlowError } from '../../../foundation/errors.ts';
import { makeFolder } from '../../../foundation/make-folder.ts';
import { replaceFile } from '../../../foundation/replace-file.ts';
import { quoted } from '../../../foundation/shell-words.ts';
import { ownProgram } from '../own-program.ts';
import type { Terminal } from '../terminal.ts';

interface Harness {
  readonly file: () => string;
  /** what the file begins with, where it is new */
  readonly start: Readonly<Record<string, unknown>>;
  /** what is added to `hooks`, by the event */
  readonly events: (command: string) => Readonly<Record<string, object>>;
  readonly then: string;
}

/** The layout that Claude Code has, and Codex after it. */
const matching = (matcher: string, command: string) => ({
  matcher,
  // seconds; what takes longer is let through
  hooks: [{ type: 'command', command, timeout: 20 }],
});

const harnesses: Readonly<Record<string, Harness>> = {
  claude: {
    file: () => join('.claude', 'settings.json'),
    start: {},
    events: (command) => ({
      PreToolUse: matching('Bash|Read|Grep|Write|Edit|NotebookEdit|mcp__.*', command),
      PostToolUse: matching('Bash|Read|Grep|mcp__.*', command),
    }),
    then: 'Claude Code has it from its next start; /hooks shows it',
  },
  codex: {
    file: () => join(process.env['CODEX_HOME'] || join(homedir(), '.codex'), 'hooks.json'),
    start: {},
    // what it cannot replace it is not asked to
    events: (command) => ({ PreToolUse: matching('Bash|apply_patch|mcp__.*', command) }),
    then: 'Codex passes over a hook that nobody trusts, and says nothing: trust it by /hooks',
  },
  cursor: {
    file: () => join('.cursor', 'hooks.json'),
    start: { version: 1 },
    events: (command) =>
      Object.fromEntries(
        ['beforeShellExecution', 'beforeReadFile', 'beforeMCPExecution'].map((event) => [event, { command }]),
      ),
    then: 'Cursor takes it up at once; with "failClosed": true beside the command, nothing is done where it cannot be started',
  },
};

/** `flows hook --install HARNESS`: shows what is added to its settings, and adds it after a yes. */
export async function install(name: string, yes: boolean, terminal: Terminal): Promise<number> {
  const harness = harnesses[name];
  if (harness === undefined)
    throw new FlowError('usage', `unknown harness "${name}"`, { hint: 'claude, codex or cursor' });
  const file = harness.file();
  const settings = settingsIn(file) ?? harness.start;
  const hooks = objectIn(settings['hooks'] ?? {}, `hooks in ${file}`);
  const missing = Object.entries(harness.events(`${ownProgram().map(quoted).join(' ')} hook`)).filter(
    ([event]) => !isThere(hooks[event]),
  );
  if (missing.length === 0) {
    terminal.note(`${file} has it already`);
    return 0;
  }
  terminal.err(`to be added to ${file}:\n${JSON.stringify({ hooks: Object.fromEntries(missing) }, undefined, 2)}\n`);
  if (!yes && !/^y(?:es)?$/i.test((await answerOf(terminal)).trim()))
    throw new FlowError('aborted', 'answered with no: nothing was written');
  const added = missing.map(([event, entry]) => [event, [...listIn(hooks[event], `${event} in ${file}`), entry]]);
  makeFolder(dirname(file));
  const all = { ...settings, hooks: { ...hooks, ...Object.fromEntries(added) } };
  const there = existsSync(file) ? realpathSync(file) : file;
  const mode = (statSync(there, { throwIfNoEntry: false })?.mode ?? 0o644) & 0o777;
  await replaceFile(there, `${JSON.stringify(all, undefined, 2)}\n`, { mode });
  terminal.out(`${file}\n`);
  terminal.note(harness.then);
  terminal.note('it asks the broker where FLOWS_AGENT_TOKEN_FILE of the harness names the token of its agent');
  return 0;
}

async function answerOf(terminal: Terminal): Promise<string> {
  const answer = await terminal.ask('add it? [y/N] ');
  if (answer !== undefined) return answer;
  throw new FlowError('refused', 'there is no terminal to ask on', { hint: 'add --yes to write without asking' });
}

/** @throws FlowError invalid for a file that is no JSON object: nobody's settings are written anew */
function settingsIn(file: string): Readonly<Record<string, unknown>> | undefined {
  if (!existsSync(file)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    throw new FlowError('invalid', `${file} is no JSON`, { hint: 'mend it first; comments are not taken' });
  }
  return objectIn(value, file);
}

function objectIn(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw new FlowError('invalid', `${what} is no object`, { hint: 'mend it first' });
}

function listIn(value: unknown, what: string): readonly unknown[] {
  if (value === undefined || Array.isArray(value)) return value ?? [];
  throw new FlowError('invalid', `${what} is no list`, { hint: 'mend it first' });
}

function isThere(entries: unknown): boolean {
  return /(?:flows|cli\.[jt]s'?) hook"/.test(JSON.stringify(entries ?? []));
}
