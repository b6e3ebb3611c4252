import { type App, openApp } from '../../app/open-app.ts';
import { looseArguments } from './arguments.ts';
import { commonOptions } from './command-table.ts';
import { flowsFolder } from './flows-folder.ts';
import type { Invocation } from './invocation.ts';

/** Opens the folder that the common options name, for one command, and closes it after. */
export async function withApp<T>(invocation: Invocation, work: (app: App) => Promise<T>): Promise<T> {
  const { terminal, taken, signal } = invocation;
  const { dir, environment } = looseArguments(invocation.argv, commonOptions);
  const app = await openApp({
    dir: flowsFolder(dir),
    environment: typeof environment === 'string' ? environment : undefined,
    taken,
    signal,
    warn: (message) => terminal.tell('warning', message),
    progress: (message) => {
      if (terminal.errIsTerminal) terminal.note(message, 'dim');
    },
    waiting: terminal.waits,
  });
  try {
    return await work(app);
  } finally {
    await app.close();
  }
}
