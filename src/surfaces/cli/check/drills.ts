import { breakGlassState, openDuties } from '../../../audit/break-glass-state.ts';
import { trailsOf } from '../../../audit/find-trails.ts';
import { breakGlassIn } from '../../../folder/break-glass-accounts.ts';
import type { Folder } from '../../../folder/load-folder.ts';
import { endings } from '../../../foundation/errors.ts';
import { stateFolder } from '../../../foundation/state-folder.ts';
import type { Invocation } from '../invocation.ts';
import { columns, type Terminal } from '../terminal.ts';
import { trailsOfApp } from '../trails-of-app.ts';
import { withApp } from '../with-app.ts';

/** `flows check --drills`: whether break-glass was proven, by what is on the trails of this machine. */
export async function drills(invocation: Invocation, json: boolean): Promise<number> {
  const { terminal } = invocation;
  return withApp(invocation, async (app) => {
    const { flows } = breakGlassIn(app.folder, app.environment());
    const { accounts, troubles } = await breakGlassState(flows, await trailsOfApp(app, terminal), Date.now());
    if (json) terminal.out(`${JSON.stringify({ accounts, troubles })}\n`);
    else {
      const proven = accounts.filter(({ username }) => troubles.every(({ subject }) => subject !== username));
      terminal.out(
        columns([
          ...proven.map(({ username, drill, proven: at = '' }) => [
            terminal.paint('green', 'proven'),
            username,
            `at ${at} by ${drill}`,
          ]),
          ...troubles.map(({ subject, why, hint }) => [terminal.paint('red', 'red'), subject, `${why} (${hint})`]),
        ]),
      );
    }
    if (troubles.length === 0) return 0;
    const count = `${troubles.length} ${troubles.length === 1 ? 'thing' : 'things'}`;
    terminal.tell('error', `${count} to see to in environment ${app.environment().name}`);
    return endings['cases-differ'].exit;
  });
}

/**
 * What is owed for uses of break-glass, in any environment but the laptop, where nothing real is given: told on stderr.
 * @returns how many there are
 */
export async function tellDuties(folder: Folder, terminal: Terminal): Promise<number> {
  const owed = [...folder.settings.environments.values()].map(async (environment) => {
    const flows = breakGlassIn(folder, environment).flows.map(({ flow }) => flow);
    if (environment.laptop || flows.every(({ close }) => close === undefined)) return [];
    const duties = await openDuties(flows, trailsOf(environment, stateFolder()));
    return duties.map((duty) => ({ ...duty, environment: environment.name }));
  });
  const duties = (await Promise.all(owed)).flat();
  for (const { environment, subject, why, hint } of duties)
    terminal.tell('error', `${subject} in environment ${environment}: ${why} (${hint} --environment ${environment})`);
  return duties.length;
}
