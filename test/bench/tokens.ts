import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { openApp } from '../../src/app/open-app.ts';
import type { RunningStack } from '../../src/laptop/start-stack.ts';
import { takeEnvironment } from '../../src/foundation/environment-variables.ts';
import { openFlows } from '../../src/index.ts';
import type { Reference } from '../../src/foundation/reference.ts';
import { createHome } from '../e2e/home.ts';
import { inTurn, row, type Row } from './row.ts';

const flow = 'orders-token';

/** Tokens in one process: what a cold one costs however many ask, and what a cached one costs. */
export async function bench({ short }: { readonly short: boolean }): Promise<Row[]> {
  const home = createHome();
  try {
    const stack = await home.stack();
    const dir = join(home.work, 'flows');
    return [...(await cold(dir, stack)), ...(await cached(dir, stack, short))];
  } finally {
    await home.close();
  }
}

async function cold(dir: string, stack: RunningStack): Promise<Row[]> {
  const callers = 1_000;
  const app = await openApp({ dir, environment: 'development', taken: takeEnvironment({}) });
  try {
    const { vault } = await app.connections();
    const { read } = vault;
    let reads = 0;
    Object.assign(vault, {
      read: (references: readonly Reference[]) => {
        reads += 1;
        return read(references);
      },
    });
    const before = { vault: stack.vault.requests(), token: stack.identityProvider.requests().token };
    const one = app.flow(flow);
    const outputs = await Promise.all(Array.from({ length: callers }, () => app.run(one, {})));
    const tokens = outputs.map((output) => {
      if (output.kind !== 'scalar' || output.value.as !== 'token') throw new TypeError('no token');
      return output.value.token.accessToken.reveal();
    });
    const name = `${callers} callers at once on a cold token`;
    const once = { exactly: 1 };
    return [
      row({ name: `${name}: calls of the vault's read`, value: reads, unit: 'calls', goal: once }),
      row({
        name: `${name}: token requests`,
        value: stack.identityProvider.requests().token - before.token,
        unit: 'requests',
        goal: once,
      }),
      row({ name: `${name}: tokens given`, value: new Set(tokens).size, unit: 'tokens', goal: once }),
      row({
        name: `${name}: requests to the vault, sign-in included`,
        value: stack.vault.requests() - before.vault,
        unit: 'requests',
      }),
    ];
  } finally {
    await app.close();
  }
}

async function cached(dir: string, stack: RunningStack, short: boolean): Promise<Row[]> {
  const gets = short ? 100_000 : 1_000_000;
  const batch = short ? 2_000 : 20_000;
  const flows = await openFlows({ dir, environment: 'development' });
  try {
    const token = await flows.token(flow);
    const before = stack.identityProvider.requests().token;
    const bare = async () => token;
    const each = (get: () => Promise<unknown>) => async () => {
      const start = performance.now();
      for (let count = 0; count < batch; count += 1) await get();
      return ((performance.now() - start) / batch) * 1_000;
    };
    const library = each(() => flows.token(flow));
    // the engine compiles it for speed only after some thousand calls
    for (let warm = 0; warm < 20_000; warm += batch) await library();
    const times = await inTurn(short ? 3 : 9, { library, bare: each(bare) });

    const heap = collected();
    for (let count = 0; count < gets; count += 1) await flows.token(flow);
    const growth = (collected() - heap) / 2 ** 20;
    return [
      row({
        name: 'a cached token from the library, against a bare async function',
        value: times.of('library'),
        unit: 'µs',
        against: times.of('bare'),
        ratio: times.ratio('library', 'bare'),
      }),
      row({
        name: `${gets} cached tokens: growth of the heap`,
        value: Math.max(0, growth),
        unit: 'MiB',
        goal: { atMost: 1 },
      }),
      row({
        name: `${gets} cached tokens: token requests`,
        value: stack.identityProvider.requests().token - before,
        unit: 'requests',
        goal: { exactly: 0 },
      }),
    ];
  } finally {
    await flows.close();
  }
}

/** Bytes of the heap that something still refers to. */
function collected(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}
