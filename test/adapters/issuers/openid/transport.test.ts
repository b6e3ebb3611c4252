import { describe, expect, it } from 'vitest';
import { hostileStand, discovery, failureOf } from './arrange.ts';
import { json } from './hostile.ts';

const { hostile, arrange } = await hostileStand();

describe('time', () => {
  it.each([
    ['discovery', discovery],
    ['the token', '/token'],
    ['the keys', '/jwks'],
  ])('a slow answer for %s ends at the deadline', async (_, path) => {
    hostile.handlers.set(path, () => undefined);
    expect((await failureOf(arrange({ deadline: 60 }).ask())).code).toBe('timeout');
  });

  it('a body that drips ends at the deadline', async () => {
    hostile.handlers.set('/token', (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{');
    });
    expect((await failureOf(arrange({ deadline: 60 }).ask())).code).toBe('timeout');
  });

  it('a fetch that ignores its signal ends at the deadline', async () => {
    const fetch = () => new Promise<Response>(() => undefined);
    expect((await failureOf(arrange({ deadline: 60, fetch }).ask())).code).toBe('timeout');
  });

  it('an endless body ends at its bound', async () => {
    hostile.handlers.set('/token', async (_, response) => {
      response.on('error', () => undefined);
      response.writeHead(200, { 'content-type': 'application/json' });
      while (!response.destroyed && response.writable) {
        response.write('a'.repeat(65_536));
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
    expect((await failureOf(arrange().ask())).code).toBe('protocol');
  });

  it.each([discovery, '/token'])('a caller that goes away ends its call at %s', async (path) => {
    const stop = new AbortController();
    hostile.handlers.set(path, () => {
      stop.abort();
    });
    expect((await failureOf(arrange().ask({ signal: stop.signal }))).code).toBe('aborted');
  });

  it('a caller that goes away does not end the discovery of another one', async () => {
    const stop = new AbortController();
    const { ask } = arrange();
    hostile.handlers.set(discovery, async (_, response) => {
      stop.abort();
      await new Promise((resolve) => setTimeout(resolve, 20));
      json(response, hostile.metadata);
    });
    const [first, second] = await Promise.allSettled([ask({ signal: stop.signal }), ask()]);
    expect([first.status, second.status]).toEqual(['rejected', 'fulfilled']);
  });

  it('nobody there', async () => {
    expect((await failureOf(arrange({ url: 'http://127.0.0.1:1' }).ask())).code).toBe('unavailable');
  });

  it.each([
    ['earlier than the JWT', 100, 300, 100],
    ['later than the JWT', 900, 300, 300],
    ['absent', undefined, 300, 300],
  ])('expires_in %s: the earlier one counts', async (_, expires_in, life, wanted) => {
    const exp = Math.floor(Date.now() / 1000) + life;
    hostile.handlers.set('/token', async (_, response) => {
      json(response, { access_token: await hostile.sign({ exp }), token_type: 'Bearer', expires_in });
    });
    const { expiresAt } = await arrange().ask();
    expect((expiresAt ?? 0) - (exp - life)).toBeGreaterThanOrEqual(wanted - 1);
    expect((expiresAt ?? 0) - (exp - life)).toBeLessThanOrEqual(wanted + 1);
  });

  it('tells how far the clocks are apart, and blames them for an expired token', async () => {
    const { issuer, ask } = arrange({ now: () => Date.now() + 3_600_000 });
    expect(issuer.clockSkew()).toBeUndefined();
    const error = await failureOf(ask());
    expect(error).toMatchObject({ code: 'protocol', hint: expect.stringMatching(/clock is 3(599|600|601) s ahead/) });
    expect(issuer.clockSkew()).toBeGreaterThan(3597);
  });

  it('does not go by the date of an answer out of a cache', async () => {
    const { issuer, ask } = arrange({
      fetch: async (url, init) => {
        const response = await fetch(url, init);
        return new Response(response.body, {
          headers: { ...Object.fromEntries(response.headers), age: '60', date: new Date(0).toUTCString() },
        });
      },
    });
    await ask();
    expect(issuer.clockSkew()).toBeUndefined();
  });
});
