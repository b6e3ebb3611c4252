import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { openApp } from '../../src/app/open-app.ts';
import type { Caller } from '../../src/broker/contract.ts';
import { openBroker } from '../../src/broker/open-broker.ts';
import { openPglite } from '../../src/durable/database/pglite.ts';
import { takeEnvironment } from '../../src/foundation/environment-variables.ts';
import { createHome, type Home } from '../e2e/home.ts';
import { longestLag } from './longest-lag.ts';
import { inTurn, median, row, type Row } from './row.ts';

/** After the first time it finds what it would make: what is left is what a run costs. */
const flow = `description: Makes a login, or finds it
steps:
  - { id: login, uses: vault/create-login, with: { vault: Accounts, title: Bench, username: bench } }
`;

/** What it costs that a flow outlives the process, in the database that comes with the broker. */
export async function bench({ short }: { readonly short: boolean }): Promise<Row[]> {
  const home = createHome();
  const closing = new AsyncDisposableStack();
  closing.defer(() => home.close());
  try {
    home.write('flows/found.yaml', flow);
    home.write('flows/policy.yaml', 'agents: { codex: { flows: [found] } }\n');
    home.write('flows/registry.yaml', 'secrets: {}\n');
    await home.stack();
    const app = await openApp({
      dir: join(home.work, 'flows'),
      environment: 'development',
      taken: takeEnvironment({}),
    });
    closing.defer(() => app.close());
    const { broker, close } = await openBroker({
      app,
      anchor: () => undefined,
      onProblems: () => undefined,
      warn: () => undefined,
      variables: home.env,
    });
    closing.defer(close);
    const gone = new AbortController().signal;
    const caller = (): Caller => ({ agent: 'codex', by: 'token', request: randomUUID(), address: 'socket' });
    const asRun = async () => {
      const { id } = await broker.runs.start(caller(), 'found', { inputs: {} });
      const { state } = await broker.runs.look(caller(), id, 60, gone);
      if (state !== 'succeeded') throw new Error(`the run is ${state}`);
    };
    const timed = (work: () => Promise<unknown>) => async () => {
      const from = performance.now();
      await work();
      return performance.now() - from;
    };
    await asRun();
    const one = app.flow('found');
    const times = await inTurn(short ? 5 : 30, { run: timed(asRun), bare: timed(() => app.run(one, {})) });
    const atOnce = 50;
    const together = await timed(() => Promise.all(Array.from({ length: atOnce }, asRun)))();
    return [
      row({
        name: 'a run of a flow that finds all done, against the same flow without one, p50',
        value: times.of('run'),
        unit: 'ms',
        against: times.of('bare'),
      }),
      row({ name: `${atOnce} such runs begun at once`, value: (atOnce / together) * 1_000, unit: 'runs/s' }),
      await opening(home, short),
    ];
  } finally {
    await closing.disposeAsync();
  }
}

/** What whoever is served meanwhile waits for. */
async function opening(home: Home, short: boolean): Promise<Row> {
  const longest: number[] = [];
  for (let round = 0; round < (short ? 5 : 15); round += 1) {
    const folder = join(home.path, `database-${round}`);
    const { own } = await longestLag(async () => {
      await (await openPglite(folder, { check: () => undefined, close: () => undefined })).close();
    });
    longest.push(own);
  }
  return row({
    name: 'longest block of the main thread while their database opens, without its wait for a processor (Linux)',
    value: median(longest),
    unit: 'ms',
    goal: { atMost: 20 },
  });
}
