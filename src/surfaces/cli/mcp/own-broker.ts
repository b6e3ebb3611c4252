import { openApp } from '../../../app/open-app.ts';
import { createBearer } from '../../../broker/authentication/bearer-token.ts';
import { loadBrokerFiles } from '../../../folder/policy-and-registry.ts';
import { FlowError } from '../../../foundation/errors.ts';
import { suggest } from '../../../language/nearest-name.ts';
import type { BrokerPlace } from '../../mcp/client-door.ts';
import { createLogger } from '../../server/log.ts';
import { serve } from '../../server/start.ts';
import { looseArguments } from '../arguments.ts';
import { commonOptions } from '../command-table.ts';
import { flowsFolder } from '../flows-folder.ts';
import type { Invocation } from '../invocation.ts';
import { tellProblems } from '../tell-problems.ts';

/**
 * A broker for one session, in this process: the same rules, trail and page as that of `flows serve`, on a port of its
 * own, which knows the agent by a token that ends with it.
 * @throws FlowError as the broker does; not-found where policy.yaml has no such agent
 */
export async function openOwnBroker(
  { argv, taken, terminal }: Invocation,
  agent: string,
): Promise<BrokerPlace & { close(): Promise<void> }> {
  const { dir, environment } = looseArguments(argv, commonOptions);
  const warn = (message: string) => terminal.tell('warning', message);
  const app = await openApp({
    dir: flowsFolder(dir),
    environment: typeof environment === 'string' ? environment : undefined,
    taken,
    warn,
  });
  const closing = new AsyncDisposableStack();
  closing.defer(app.close);
  try {
    const { agents } = loadBrokerFiles(app.folder).policy;
    if (!agents.has(agent)) {
      throw new FlowError('not-found', `policy.yaml has no agent "${agent}"`, {
        hint: suggest(agent, agents.keys()) ?? 'name one of its agents',
      });
    }
    const token = createBearer();
    const service = await serve({
      app,
      listen: { port: 0 },
      log: createLogger('error'),
      guest: { agent, token },
      onProblems: (problems) => tellProblems(problems, terminal),
      warn,
    });
    closing.defer(service.close);
    return { broker: service.url ?? '', token: () => token.reveal(), close: () => closing.disposeAsync() };
  } catch (error) {
    await closing.disposeAsync();
    throw error;
  }
}
