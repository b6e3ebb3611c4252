import { join } from 'node:path';
import { createHome, repository } from '../e2e/home.ts';
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

/** An agent's request that the broker makes for it, against the same request with the token in its own hands. */
export async function bench({ short }: { readonly short: boolean }): Promise<Row[]> {
  const home = createHome();
  try {
    home.write('flows/one-order.yaml', flow);
    home.write('flows/policy.yaml', 'agents:\n  bench: { flows: [orders-token, one-order] }\n');
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
    const direct = async () => {
      const headers = { authorization: `Bearer ${token}` };
      const response = await fetch(new URL('/orders/A-1001', addresses.ordersApi), { headers });
      return response.json();
    };
    const timed = async (work: () => Promise<unknown>) => {
      await new Promise((resolve) => setTimeout(resolve, pace));
      const start = performance.now();
      await work();
      return performance.now() - start;
    };
    const things = { broker: () => timed(() => post('/v1/flows/one-order')), direct: () => timed(direct) };
    // neither is measured on code that the engine sees for the first time
    await inTurn(short ? 50 : 300, things);
    const times = await inTurn(short ? 100 : 1_000, things);
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
    ];
  } finally {
    await home.close();
  }
}
