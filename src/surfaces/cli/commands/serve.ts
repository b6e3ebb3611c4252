import { once } from 'node:events';
import { FlowError } from '../../../foundation/errors.ts';
import type { ListenAddress } from '../../server/listen-tcp.ts';
import { createLogger, type LogLevel, logLevels } from '../../server/log.ts';
import { serve as serveBroker, type Service } from '../../server/start.ts';
import { commonArguments, textOf } from '../arguments.ts';
import { commandTable } from '../command-table.ts';
import type { Invocation } from '../invocation.ts';
import { withApp } from '../with-app.ts';
import { tellProblems } from '../tell-problems.ts';
import type { Terminal } from '../terminal.ts';

/** `flows serve`: the broker, until Ctrl-C or SIGTERM. */
export async function serve(invocation: Invocation): Promise<number> {
  const { argv, terminal, signal } = invocation;
  const { values } = commonArguments(argv, commandTable.serve.options);
  const listen = listenOf(values);
  const level = levelOf(values['log-level']);
  // what is being answered when the process is told to end is finished first
  const unhurried = new AbortController().signal;
  // from now on: whoever reloads what they have just started must not end it
  const reloaded = terminal.errIsTerminal ? undefined : reloadOnHangUp(terminal);
  return withApp({ ...invocation, signal: unhurried }, async (app) => {
    let started = false;
    tellProblems(app.folder.warnings, terminal);
    const service = await serveBroker({
      app,
      listen,
      log: createLogger(level),
      onProblems(problems) {
        tellProblems(problems, terminal);
        if (started) terminal.tell('error', 'these files are wrong: those before them stay in force');
      },
      warn: (message) => terminal.tell('warning', message),
    });
    started = true;
    try {
      // before it is told that it listens: a signal between the two would be lost
      reloaded?.(service);
      for (const address of [service.url, service.socket]) {
        if (address !== undefined) terminal.note(`listening on ${address}`);
      }
      if (service.page !== undefined) terminal.note(`the page for people is ${service.page}`);
      if (!signal.aborted) await once(signal, 'abort');
    } finally {
      await service.close();
    }
    return 0;
  });
}

/**
 * As daemons do; of a terminal it means that its window is gone, and ends the broker like Ctrl-C.
 * @returns to be told the service once it is there: what was asked for before is done then
 */
function reloadOnHangUp(terminal: Terminal): (service: Pick<Service, 'reload'>) => void {
  let asked = false;
  let reload = () => void (asked = true);
  const before = process.listeners('SIGHUP');
  process.on('SIGHUP', () => {
    terminal.note('reading the files again');
    reload();
  });
  // last: without any listener the signal would end the process
  for (const listener of before) process.off('SIGHUP', listener);
  return (service) => {
    reload = () => void service.reload();
    if (asked) reload();
  };
}

function listenOf(values: Readonly<Record<string, string | boolean>>): ListenAddress | undefined {
  const [host, port, socket] = ['host', 'port', 'socket'].map((name) => textOf(values, name));
  if (host === undefined && port === undefined && socket === undefined) return undefined;
  if (port !== undefined && !/^\d{1,5}$/.test(port)) {
    throw new FlowError('usage', '--port takes a number', { hint: 'up to 65535; 0: any free one' });
  }
  if (Number(port ?? 0) > 65_535) throw new FlowError('usage', 'there is no such port', { hint: 'up to 65535' });
  return { host, port: port === undefined ? undefined : Number(port), socket };
}

function levelOf(value: string | boolean | undefined): LogLevel {
  if (value === undefined) return 'info';
  const level = logLevels.find((each) => each === value);
  if (level !== undefined) return level;
  throw new FlowError('usage', 'unknown level of --log-level', { hint: `one of ${logLevels.join(', ')}` });
}
