import type { App } from '../../app/open-app.ts';
import { keyIdOf } from '../../audit/hmac-chain.ts';
import { keyIdIn, trailsOf } from '../../audit/find-trails.ts';
import { stateFolder } from '../../foundation/state-folder.ts';
import type { Terminal } from './terminal.ts';

/**
 * The trails of the app's environment. On the laptop every stack has a key of its own, and so trails of its own: those of
 * the one that runs for this folder. Where none runs, all that are left, of any folder, which is told.
 */
export async function trailsOfApp(app: App, terminal: Terminal): Promise<readonly string[]> {
  const all = trailsOf(app.environment(), stateFolder());
  if (!app.environment().laptop) return all;
  const keys = await app
    .connections()
    .then((connections) => connections.derivedKeys('audit'))
    .catch(() => undefined);
  if (keys !== undefined) return all.filter((file) => keys.some((key) => keyIdOf(key) === keyIdIn(file)));
  if (all.length > 0) terminal.note('no stack runs for this folder: this is what all stacks of this user have left');
  return all;
}
