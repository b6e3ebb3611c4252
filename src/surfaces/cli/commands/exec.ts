import { spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import { FlowError } from '../../../foundation/errors.ts';
import { commonArguments, ownWords } from '../arguments.ts';
import { chosenBroker } from '../chosen-broker.ts';
import { commandTable } from '../command-table.ts';
import { childEnvironment } from '../exec/child-environment.ts';
import { maskingOf } from '../exec/masking-of.ts';
import { type Ending, findProgram, notFound, type Program } from '../exec/program.ts';
import { runPiped } from '../exec/run-piped.ts';
import type { Variable, Wanted } from '../exec/values.ts';
import { asksForNothing, wantedOf } from '../exec/wanted-values.ts';
import type { Invocation } from '../invocation.ts';
import type { Terminal } from '../terminal.ts';

/** `flows exec NAME -- COMMAND`: the command's own exit code, or 128 and its signal. */
export async function exec(invocation: Invocation): Promise<number> {
  const { argv, terminal } = invocation;
  const own = ownWords(argv);
  const [command, ...args] = argv.slice(own.length + 1);
  if (command === undefined)
    throw new FlowError('usage', 'no program is named', { hint: 'write flows exec NAME -- COMMAND' });
  const given = commonArguments(own, commandTable.exec.options, 2);
  const wanted = wantedOf(given, given.positionals[1]);
  if (asksForNothing(wanted) && wanted.plain.length === 0)
    throw new FlowError('usage', 'nothing says which values it gets', {
      hint: 'name a flow, --secret, --token or --env-file',
    });
  const found = await readFor(command, wanted, invocation);
  if ('exit' in found) return found.exit;

  const { variables } = found;
  const files = [...found.files, ...(given.lists['as-file'] ?? [])];
  const environment = childEnvironment(variables, files);
  let ending: Ending;
  try {
    const path = findProgram(command, environment.env);
    if (typeof path === 'number') {
      terminal.tell('error', path === notFound ? `there is no program ${command}` : `${command} cannot be executed`);
      return path;
    }
    const program: Program = { name: command, args, path, env: environment.env };
    if (given.values['refresh'] === true) tellEnds(variables, terminal);
    invocation.leaveSignals();
    if (given.values['mask'] === false) {
      // the path of a file leads through this process
      if (files.length === 0) (await import('../exec/replace-process.ts')).replaceProcess(program);
      ending = await runPiped(program, undefined, terminal);
    } else ending = await masked(program, variables, given.values['insist'] === true, terminal);
  } finally {
    environment.close();
  }
  return exitCode(ending);
}

/** What is wanted, from the broker where one is set, else from the vault. */
export async function readFor(program: string | undefined, wanted: Wanted, invocation: Invocation) {
  const broker = await chosenBroker(invocation);
  if (broker !== undefined) return (await import('../exec/from-broker.ts')).readThere(wanted, broker, invocation);
  const name = program?.replace(/.*\//s, '');
  return (await import('../exec/from-vault.ts')).readHere(wanted, name, invocation);
}

async function masked(
  program: Program,
  variables: readonly Variable[],
  insist: boolean,
  terminal: Terminal,
): Promise<Ending> {
  const masking = maskingOf(variables, insist, terminal);
  if (masking !== undefined && terminal.interactive && terminal.outIsTerminal) {
    const { runOnTerminal } = await import('../exec/run-on-terminal.ts');
    const ours = { stdin: process.stdin, stdout: terminal.stream('out'), setRaw };
    const ending = await runOnTerminal(program, masking, ours);
    if (ending !== undefined) return ending;
    terminal.tell('warning', 'it runs without a terminal of its own: npm install @lydell/node-pty');
  }
  return runPiped(program, masking, terminal);
}

/** Node leaves a terminal that puts a CR before each LF, where the program's own has done so already, or meant a line down. */
function setRaw(raw: boolean): void {
  process.stdin.setRawMode(raw);
  // undone with the rest
  if (raw) spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] });
}

/** Shells and supervisors want to see the signal itself; of those that dump memory, which holds values, its number alone. */
function exitCode({ code, signal }: Ending): number {
  if (signal === null) return code ?? 1;
  if (['SIGINT', 'SIGTERM', 'SIGHUP'].includes(signal)) process.kill(process.pid, signal);
  return 128 + constants.signals[signal];
}

/** milliseconds: the longest that a timer takes */
const longest = 2 ** 31 - 1;
const minute = 60_000;

/** Tells of each token before it ends. Nothing is started anew: only the one who started it knows when it may be. */
function tellEnds(variables: readonly Variable[], terminal: Terminal): void {
  for (const { name, expiresAt } of variables) {
    if (expiresAt === undefined) continue;
    const left = Math.max(0, expiresAt * 1000 - Date.now() - minute);
    const tell = () => {
      terminal.tell('warning', `the token in ${name} ends at ${new Date(expiresAt * 1000).toISOString()}`);
      // its LF went down, and no further
      if (terminal.interactive) terminal.err('\r');
    };
    if (left < longest) setTimeout(tell, left).unref();
  }
}
