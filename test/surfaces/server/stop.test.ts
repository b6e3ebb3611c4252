import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { authorized, startStand } from './stand.ts';
import { addressOf, untilClosed } from './wire.ts';

function ask(url: string, path: string, agent?: Agent): Promise<{ status: number; connection: string | undefined }> {
  return new Promise((resolve, reject) => {
    request(
      `${url}${path}`,
      { method: 'POST', headers: authorized, ...(agent === undefined ? {} : { agent }) },
      (response) => {
        response.resume();
        resolve({ status: response.statusCode ?? 0, connection: response.headers.connection });
      },
    )
      .on('error', reject)
      .end();
  });
}

describe('the end of a server', () => {
  test('finishes what is being answered, and takes nothing new', async () => {
    const stand = await startStand();
    const { promise, resolve } = Promise.withResolvers<void>();
    stand.brokerState.wait = promise;
    const agent = new Agent({ keepAlive: true });
    const waiting = [1, 2, 3].map(() => ask(stand.url, '/v1/tokens/slow', agent));
    const idle = connect(addressOf(stand.url));
    const idleClosed = untilClosed(idle);
    while (!(await (await fetch(`${stand.url}/metrics`)).text()).includes('requests_in_flight 4')) await sleep(5);
    let closed = false;
    const closing = stand.server.close().then(() => (closed = true));
    expect(await idleClosed).toBe('');
    await expect(ask(stand.url, '/v1/tokens/orders-token')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(closed).toBe(false);
    resolve();
    // a connection that is kept would keep the process
    expect(await Promise.all(waiting)).toEqual([1, 2, 3].map(() => ({ status: 200, connection: 'close' })));
    await closing;
    expect(
      stand.events.filter(({ action, outcome }) => action === 'token.issue' && outcome === 'allowed'),
    ).toHaveLength(3);
    agent.destroy();
  });

  test('does not wait for ever', async () => {
    const stand = await startStand({ grace: 100 });
    stand.brokerState.wait = new Promise(() => undefined);
    const cut = ask(stand.url, '/v1/tokens/slow').catch((error: NodeJS.ErrnoException) => error.code);
    while (!(await (await fetch(`${stand.url}/metrics`)).text()).includes('requests_in_flight 2')) await sleep(5);
    const started = performance.now();
    await stand.server.close();
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(await cut).toBe('ECONNRESET');
  });

  test('under load: whoever is answered is on the trail', async () => {
    const stand = await startStand();
    const agent = new Agent({ keepAlive: true, maxSockets: 16 });
    let answered = 0;
    const ending = new AbortController();
    const load = Array.from({ length: 16 }, async () => {
      while (!ending.signal.aborted) {
        const answer = await ask(stand.url, '/v1/tokens/orders-token', agent).catch(() => undefined);
        if (answer === undefined) return;
        expect(answer.status).toBe(200);
        answered += 1;
      }
    });
    await expect.poll(() => answered).toBeGreaterThan(200);
    await stand.server.close();
    ending.abort();
    await Promise.all(load);
    agent.destroy();
    expect(stand.events.length).toBeGreaterThanOrEqual(answered);
  });
});
