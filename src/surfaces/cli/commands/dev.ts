import { once as happens } from 'node:events';
import { sweepLaptopTrails } from '../../../audit/sweep-laptop-trails.ts';
import { loadBrokerFiles } from '../../../folder/policy-and-registry.ts';
import { loadDevelopmentFile } from '../../../folder/development/read-development.ts';
import { startStack, type RunningStack } from '../../../laptop/start-stack.ts';
import { endings, errorCodes, FlowError } from '../../../foundation/errors.ts';
import { stateFolder } from '../../../foundation/state-folder.ts';
import { namedEnvironment, openFolder } from '../../../app/open-folder.ts';
import { type DevBroker, startDevBroker } from '../dev/laptop-broker.ts';
import { invitation } from '../dev/commands-to-try.ts';
import { commonArguments } from '../arguments.ts';
import { commandTable } from '../command-table.ts';
import { flowsFolder } from '../flows-folder.ts';
import type { Invocation } from '../invocation.ts';
import { problemsOf, tellProblems } from '../tell-problems.ts';
import { columns, type Terminal } from '../terminal.ts';
import { keepFilled } from '../dev/keep-filled.ts';
import { smokeTest } from '../dev/smoke-test.ts';
import { tour, touredFlows } from '../dev/tour.ts';

/**
 * `flows dev`: the laptop stack until Ctrl-C; with `--tour` its flows are tried first, with `--once` only that is done. The
 * shipped flows are shown; those of another folder are each run.
 */
export async function dev({ argv, terminal, taken, signal }: Invocation): Promise<number> {
  const { values } = commonArguments(argv, commandTable.dev.options);
  const dir = flowsFolder(values['dir']);
  const folder = await openFolder(dir);
  const development = loadDevelopmentFile(folder, loadBrokerFiles(folder));
  const problems = [...problemsOf(folder, 'service'), ...development.problems];
  if (problems.length > 0) {
    tellProblems(problems, terminal);
    return errorCodes.invalid.exit;
  }
  const asked = namedEnvironment(folder, values['environment']);
  if (values['environment'] !== undefined && asked?.laptop !== true)
    throw new FlowError('usage', `the laptop plays development, not "${asked?.name}"`, {
      hint: 'leave --environment out',
    });
  tellProblems(development.warnings, terminal);
  for (const name of folder.broken)
    terminal.tell('warning', `flow "${name}" has problems and is left out: run \`flows check\``);
  const once = values['once'] === true;
  const touring = once || values['tour'] === true;
  const stack = await startStack(folder);
  let broker: DevBroker | undefined;
  const watching = once ? undefined : keepFilled(dir, stack, terminal);
  const isShipped = touredFlows.every((name) => folder.flows.has(name));
  try {
    // its key is new, and so will its trails be
    await sweepLaptopTrails(stateFolder(), Date.now());
    if (touring) broker = await startDevBroker({ folder, taken, terminal, usualPort: !once });
    terminal.out(`${addresses(stack, broker, terminal)}${touring ? '\n' : ''}`);
    const options = { dir, taken, terminal, signal, debug: values['debug'] === true };
    const trying = isShipped ? () => tour({ ...options, stack, broker }) : () => smokeTest(options);
    const failed = touring ? await trying() : 0;
    if (once) return failed === 0 ? 0 : endings['cases-differ'].exit;
    terminal.out(`\n${invitation(dir, folder, stack, broker)}\n`);
    if (!signal.aborted) await happens(signal, 'abort');
    return 0;
  } finally {
    watching?.close();
    await broker?.close();
    await stack.close();
  }
}

function addresses(
  { addresses: { vault, issuer, secretsManager, ordersApi } }: RunningStack,
  broker: DevBroker | undefined,
  { paint }: Terminal,
): string {
  return columns([
    ['vault', vault.address, paint('dim', '1Password-compatible')],
    ['identity provider', issuer, paint('dim', 'OpenID Connect, SCIM, sign-in pages')],
    [
      'Secrets Manager',
      secretsManager.endpoint,
      paint('dim', `AWS ${secretsManager.account}, ${secretsManager.region}`),
    ],
    ['Orders API', ordersApi, paint('dim', 'wants a token')],
    ...(broker === undefined ? [] : [['broker', broker.url, paint('dim', `knows agent ${broker.agent}`)]]),
    ...(broker?.page === undefined ? [] : [['page', broker.page, paint('dim', 'for people')]]),
  ]);
}
