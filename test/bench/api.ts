import { join } from 'node:path';
import { createHome, type Home, repository } from '../e2e/home.ts';
import { openLine } from './disk.ts';
import { inTurn, row, type Row } from './row.ts';

/** milliseconds between two requests: 100 a second */
const pace = 10;

const flow = `description: One order
steps:
  - id: token
    uses: oauth/client-credentials
    with:
      issuer: \${{ issuers.main }}
      client-id: op://Agents/Orders M2M/username
      client-secret: op://Agents/Orders M2M/credential
      audience: https://orders.example
      scope: [orders:read]
  - id: order
    uses: http/get
    with:
      api: \${{ apis.orders }}
      path: '/orders/{id}'
      path-values: { id: A-1001 }
      token: \${{ steps.token }}
      response: { fields: [id, status] }
output: { status: '\${{ steps.order.body.status }}' }
`;

/**
 * An agent's request that the broker makes for it, against the same request with the token in its own hands; one that
 * writes is a run, which outlives the broker. What a hop costs by itself, and what this disk takes for one line of the
 * trail, is measured in turn with them.
 */
export async function bench({ short }: { readonly short: boolean }): Promise<Row[]> {
  const home = createHome();
  const line = openLine(home.path);
  try {
    home.write('flows/one-order.yaml', flow);
    home.write('flows/policy.yaml', 'agents:\n  bench: { flows: [orders-token, one-order, create-order] }\n');
    const { addresses } = await home.stack();
    const added = await home.flows(['agents', 'add', 'bench']);
    if (added.code !== 0) throw new Error(added.stderr);
    const program = [process.execPath, join(repository, 'dist/cli.js'), 'serve', '--port', '0'];
    const running = home.start([], { program });
    const [url = ''] = /http:\/\/127\S+/.exec(await running.shows(/listening on http:\/\/\S+/)) ?? [];
    const bearer = { authorization: `Bearer ${added.stdout.trim()}`, 'content-type': 'application/json' };
    const post = async (path: string) => {
      const response = await fetch(new URL(path, url), { method: 'POST', headers: bearer, body: '{}' });
      if (!response.ok) throw new Error(`the broker answered ${response.status}`);
      return response.json();
    };
    const { access_token: token } = (await post('/v1/tokens/orders-token')) as { readonly access_token: string };
    const hop = await bareProxy(home, addresses.ordersApi);
    const direct = async (path: string, order?: object, to: string = addresses.ordersApi) => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      const init = order === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(order) };
      return (await fetch(new URL(path, to), init)).json();
    };
    const run = async () => {
      const { id } = (await post('/v1/flows/create-order/runs')) as { readonly id: string };
      const response = await fetch(new URL(`/v1/runs/${id}?wait=60`, url), { headers: bearer });
      const { state } = (await response.json()) as { readonly state: string };
      if (state !== 'succeeded') throw new Error(`the run is ${state}`);
    };
    const timed = async (work: () => Promise<unknown>) => {
      await new Promise((resolve) => setTimeout(resolve, pace));
      const start = performance.now();
      await work();
      return performance.now() - start;
    };
    const reads = {
      broker: () => timed(() => post('/v1/flows/one-order')),
      direct: () => timed(() => direct('/orders/A-1001')),
      hop: () => timed(() => direct('/orders/A-1001', undefined, hop)),
      disk: () => timed(line.put),
    };
    const writes = {
      run: () => timed(run),
      direct: () => timed(() => direct('/orders', { article: 'A4 paper', quantity: 1 })),
    };
    // neither is measured on code that the engine sees for the first time
    await inTurn(short ? 50 : 300, reads);
    const times = await inTurn(short ? 100 : 1_000, reads);
    await inTurn(short ? 5 : 30, writes);
    const written = await inTurn(short ? 20 : 200, writes);
    running.child.kill('SIGTERM');
    await running.ended;
    return [
      row({
        name: 'a request by the broker, beside the same one made directly',
        value: times.of('broker'),
        unit: 'ms',
        against: times.of('direct'),
      }),
      row({
        name: 'what the broker adds to it, at 100/s',
        value: times.of('broker') - times.of('direct'),
        unit: 'ms',
        goal: { atMost: 1 },
      }),
      row({
        name: 'what a bare proxy of node:http adds to it, meanwhile',
        value: times.of('hop') - times.of('direct'),
        unit: 'ms',
      }),
      row({ name: 'one line of 300 bytes on this disk, meanwhile', value: times.of('disk'), unit: 'ms' }),
      row({
        name: 'a request that writes as a run of the broker, to its end, beside the same one made directly',
        value: written.of('run'),
        unit: 'ms',
        against: written.of('direct'),
      }),
    ];
  } finally {
    line.close();
    await home.close();
  }
}

/** One in a process of its own, which ends with the home. @returns its address */
async function bareProxy(home: Home, to: string): Promise<string> {
  const words = [join(import.meta.dirname, 'bare-server.ts'), 'proxy', JSON.stringify({ to })];
  const running = home.start([], { program: [process.execPath, '--no-warnings', ...words] });
  const [url = ''] = /http:\/\/127\S+/.exec(await running.shows(/listening on http:\/\/\S+/)) ?? [];
  return url;
}
