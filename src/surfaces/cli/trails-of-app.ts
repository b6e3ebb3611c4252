import type { App } from '../../app/open-app.ts';
import { keyIdOf } from '../../audit/hmac-chain.ts';
import { keyIdIn, trailsOf } from '../../audit/find-trails.ts';
import { stateFolder } from '../../foundation/state-folder.ts';

/**
 * The trails of the app's environment. On the laptop every stack has a key of its own, and so trails of its own: those of
 * the one that runs for this folder. Where none runs, all that are left, of any folder.
 */
export async function trailsOfApp(app: App): Promise<readonly string[]> {
  const all = trailsOf(app.environment(), stateFolder());
  if (!app.environment().laptop) return all;
  const keys = await app
    .connections()
    .then((connections) => connections.derivedKeys('audit'))
    .catch(() => undefined);
  return keys === undefined ? all : all.filter((file) => keys.some((key) => keyIdOf(key) === keyIdIn(file)));
}
