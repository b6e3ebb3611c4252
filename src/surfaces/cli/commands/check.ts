import { loadBrokerFiles } from '../../../folder/policy-and-registry.ts';
import { loadDevelopmentFile } from '../../../folder/development/read-development.ts';
import { asFlowError, endings, errorCodes, FlowError } from '../../../foundation/errors.ts';
import { namedEnvironment, openFolder } from '../../../app/open-folder.ts';
import { trailsOf } from '../../../audit/find-trails.ts';
import { stateFolder } from '../../../foundation/state-folder.ts';
import type { Environment } from '../../../folder/service/settings.ts';
import { commonArguments } from '../arguments.ts';
import { commandTable } from '../command-table.ts';
import { flowsFolder } from '../flows-folder.ts';
import type { Invocation } from '../invocation.ts';
import { tellProblems } from '../tell-problems.ts';
import { counted, type Terminal } from '../terminal.ts';

/** `flows check`: all files, for all environments, contacting nothing; `--online`, `--drills` and `--setup` go on from there. */
export async function check(invocation: Invocation): Promise<number> {
  const { argv, terminal } = invocation;
  const { values } = commonArguments(argv, commandTable.check.options);
  const folder = await openFolder(flowsFolder(values['dir']));
  const { flows, settings } = folder;
  const broker = loadBrokerFiles(folder);
  const development = loadDevelopmentFile(folder, broker);
  const problems = [...folder.problems, ...broker.problems, ...development.problems];
  const warnings = [...folder.warnings, ...broker.warnings, ...development.warnings];
  const furtherOn = (['online', 'setup', 'drills'] as const).filter((each) => values[each] === true);
  if (furtherOn.length > 1)
    throw new FlowError('usage', `--${furtherOn.join(' and --')} are several answers`, { hint: 'ask for one' });
  if (values['json'] === true && furtherOn.length === 0) {
    terminal.out(
      `${JSON.stringify({ flows: [...flows.keys()], environments: [...settings.environments.keys()], secrets: [...broker.registry.secrets.keys()], agents: [...broker.policy.agents.keys()], warnings, problems })}\n`,
    );
  } else tellProblems([...problems, ...warnings], terminal);
  if (problems.length > 0) {
    terminal.tell(
      'error',
      `${counted(problems.length, 'problem')} in ${counted(new Set(problems.map(({ file }) => file)).size, 'file')}`,
    );
    return errorCodes.invalid.exit;
  }
  namedEnvironment(folder, values['environment']);
  if (values['setup'] === true && values['json'] === true)
    throw new FlowError('usage', '--setup has no JSON', { hint: 'leave --json out: what it prints is to paste' });
  if (values['setup'] === true)
    return (await import('../check/setup.ts')).setup(folder, values['environment'], terminal);
  if (values['online'] === true)
    return (await import('../check/online.ts')).online(invocation, values['json'] === true);
  if (values['drills'] === true)
    return (await import('../check/drills.ts')).drills(invocation, values['json'] === true);
  // nobody who has no such flow, or never left a trail, loads what reads one
  const closes = [...flows.values()].some(({ close }) => close !== undefined);
  const real = [...settings.environments.values()].filter(({ laptop }) => closes && !laptop);
  if (leftTrails(real, terminal) && (await (await import('../check/drills.ts')).tellDuties(folder, terminal)) > 0)
    return endings['cases-differ'].exit;
  if (values['json'] !== true) {
    terminal.out(
      `${counted(flows.size, 'flow')} in ${counted(settings.environments.size, 'environment')}: no problems\n`,
    );
  }
  return 0;
}

/** Whether one of them has a trail here; files are right whoever looks at them, so where one may not look it is told alone. */
function leftTrails(environments: readonly Environment[], terminal: Terminal): boolean {
  try {
    return environments.some((environment) => trailsOf(environment, stateFolder()).length > 0);
  } catch (error) {
    terminal.tell('warning', `uses of break-glass are not looked at: ${asFlowError(error).line()}`);
    return false;
  }
}
