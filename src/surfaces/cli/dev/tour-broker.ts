import { BrokerError } from '../../../client/broker-error.ts';
import { createClient } from '../../../client/client.ts';
import type { Client } from '../../../client/contract.ts';
import { FlowError } from '../../../foundation/errors.ts';
import type { RunningStack } from '../../../laptop/start-stack.ts';
import type { DevBroker } from './laptop-broker.ts';
import type { Line } from './report.ts';
import { programOf, toolCallOf } from './tour-hands.ts';
import { approvedRun, narrowedRun, orderedRun } from './tour-runs.ts';

/** What policy.yaml of the shipped folder allows the agent, and what it does not. */
const [allowed, denied, flow] = ['openai.api_key', 'stripe.live_key', 'orders-token'] as const;

export interface BrokerTour {
  readonly broker: DevBroker;
  /** how the command is called */
  readonly command: readonly string[];
  readonly stack: Pick<RunningStack, 'ordersApi'>;
  /** what the laptop stack was asked so far */
  spent(): string;
}

/** An agent at the broker: what it may have, cold and from memory, what it may not have, and the trail of it. */
export async function brokerTour({ broker, command, stack, spent }: BrokerTour, line: Line): Promise<void> {
  const { ordersApi } = stack;
  const { agent } = broker;
  // each with a client of its own, which remembers nothing of the one before
  const ask = async <T>(work: (client: Client) => Promise<T>): Promise<T> => {
    const token = { file: broker.tokenFile };
    // the first run opens the database, which takes its time where the machine is busy
    const client = createClient({ broker: broker.url, token, agentRunId: 'tour', deadline: 120_000 });
    try {
      return await work(client);
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      throw new FlowError('denied', error.message, { hint: 'see `flows policy explain`', cause: error });
    } finally {
      client.close();
    }
  };
  const counted = async (fresh: boolean, work: (client: Client) => Promise<string>): Promise<string> => {
    const before = spent();
    const text = await ask(work);
    if ((spent() !== before) !== fresh) {
      throw new FlowError('internal', fresh ? 'it did not come from its source' : 'it did not come from memory');
    }
    return text;
  };

  const secret = async (client: Client): Promise<string> => {
    const { [allowed]: lease } = await client.secrets([allowed]);
    const until = lease.expiresAt.toISOString();
    return `lease until ${until.slice(11, 19)}Z`;
  };
  await line(`${agent}: ${allowed}`, () =>
    counted(true, async (client) => `allowed, from the vault, ${await secret(client)}`),
  );
  await line(`${agent}: ${allowed} again`, () =>
    counted(false, async (client) => `from memory, ${await secret(client)}`),
  );
  await line(`${agent}: ${denied}`, () =>
    counted(false, async (client) => {
      const refusal = await client.secrets([denied]).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (!(refusal instanceof BrokerError)) throw new FlowError('internal', 'it was given what policy denies');
      if (refusal.code !== 'not-allowed') throw refusal;
      return `denied: ${refusal.status} ${refusal.code}, request ${refusal.requestId}`;
    }),
  );

  let first = '';
  await line(`${agent}: ${flow}`, () =>
    counted(true, async (client) => {
      first = (await client.token(flow)).accessToken;
      return 'cold: vault, issuer, checks';
    }),
  );
  await line(`${agent}: ${flow} again`, () =>
    counted(false, async (client) => {
      if ((await client.token(flow)).accessToken !== first) throw new FlowError('internal', 'it is another token');
      return 'cached: policy, audit, no request';
    }),
  );
  await line(`${agent}: flows exec`, () => counted(false, () => programOf(broker, allowed, command)));
  await line(`${agent}: flows mcp`, () => counted(false, () => toolCallOf(broker, flow, command)));
  await line(`${agent}: a narrower run`, () => ask((client) => narrowedRun(client, allowed, flow)));
  await orderedRun(broker, line);
  await approvedRun(broker, line);
  await line('flows trace', async () => {
    await fetch(new URL('/orders', ordersApi.url), { headers: { authorization: `Bearer ${first}` } });
    const { jti, actor } = ordersApi.lastLogged() ?? {};
    const { lines } = await broker.traced(String(jti));
    const [{ line: grant } = { line: undefined }] = lines;
    if (grant === undefined || grant.agent !== actor)
      throw new FlowError('internal', 'the trail does not know the token that the Orders API saw');
    return `the API saw ${actor}, ${grant.rule?.split(' ', 1)[0] ?? ''}\n        jti ${String(jti)}`;
  });
  await line('audit verify', async () => {
    const { lines, found, problems, keyed } = await broker.verified();
    const [problem] = problems;
    if (found > 0 || !keyed) throw new FlowError('conflict', problem?.message ?? 'the trail is under no key');
    return `${lines} lines, none changed, missing or moved`;
  });
}
