import type { Load, Seen } from './load-generator.ts';
import { inTurn, row, type Row } from './row.ts';

export interface AsRuns {
  readonly port: number;
  readonly bearer: string;
  readonly short: boolean;
  readonly load: (load: Load) => Promise<Seen>;
  /** the request of whoever has this token */
  readonly requestOf: (token: string) => string;
}

/** askers at once that an ended run must silence */
const askers = 16;

/** What an agent run costs over its agent's bearer, and how long its token still gets answers once it was ended. */
export async function agentRuns({ port, bearer, short, load, requestOf }: AsRuns): Promise<Row[]> {
  const url = `http://127.0.0.1:${port}`;
  const ask = async (token: string, path: string, body?: object) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const answer = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body ?? {}) });
    return { status: answer.status, told: (await answer.json()) as { readonly run: string; readonly token: string } };
  };
  const begin = async () => (await ask(bearer, '/v1/agent-runs', { allow: ['orders-token'] })).told;

  const { token } = await begin();
  const rate = (who: string) => async () => {
    const common = { host: '127.0.0.1', port, connections: 32, warm: short ? 300 : 2_000 };
    const seen = await load({ ...common, request: requestOf(who), duration: short ? 1_000 : 5_000 });
    if (seen.other > 0) throw new Error(`${seen.other} answers were not 200`);
    return seen.rate;
  };
  const rates = await inTurn(3, { run: rate(token), bearer: rate(bearer) });

  /** Milliseconds from the request that ends a run to the last answer that something was given in. */
  async function silenced(): Promise<number> {
    const run = await begin();
    const first = Promise.withResolvers<void>();
    let last = 0;
    const asking = Array.from({ length: askers }, async () => {
      while ((await ask(run.token, '/v1/tokens/orders-token')).status === 200) {
        last = performance.now();
        first.resolve();
      }
    });
    await first.promise;
    const from = performance.now();
    await ask(bearer, `/v1/agent-runs/${run.run}/finish`, { outcome: 'cancelled' });
    await Promise.all(asking);
    return Math.max(0, last - from);
  }
  const times: number[] = [];
  for (let round = 0; round < (short ? 3 : 20); round += 1) times.push(await silenced());
  return [
    row({
      name: 'a cached token with the token of an agent run, 32 connections, against the bearer of its agent',
      value: rates.of('run'),
      unit: 'answers/s',
      against: rates.of('bearer'),
      ratio: rates.ratio('run', 'bearer'),
      goal: { atLeast: 0.9 },
    }),
    row({
      name: `the end of an agent run to the last answer to ${askers} that ask with its token, at worst`,
      value: Math.max(...times),
      unit: 'ms',
      goal: { atMost: 1_000 },
    }),
  ];
}
