import { generateKeyPairSync, hash, randomUUID } from 'node:crypto';
import { exportJWK, SignJWT } from 'jose';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createBearer } from '../../../src/broker/authentication/bearer-token.ts';
import { signClaim } from '../../../src/broker/authentication/operator-token.ts';
import { operatorPaths } from '../../../src/foundation/wire.ts';
import { sha256 } from '../../broker/arrange.ts';
import { arrangeRuns } from '../../broker/agent-runs/arrange-runs.ts';
import { operatorKey, startStand } from './stand.ts';

const token = createBearer().reveal();
const policy = `default: deny
agents:
  codex: { tokens: ['sha256:${sha256(token)}'], allow: [openai.api_key, github.*], flows: [orders-token] }
`;

async function open(names: readonly string[] = []) {
  const arranged = await arrangeRuns({ 'policy.yaml': policy });
  const { broker, authenticator, runs } = arranged;
  const { server, url, events } = await startStand({ broker, authenticator, agentRuns: runs, names });
  onTestFinished(() => server.close());
  const ask = async (bearer: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  const begin = async (bearer: string, body?: unknown, headers?: Record<string, string>) => {
    const { status, body: told } = await ask(bearer, '/v1/agent-runs', body, headers);
    expect(status).toBe(200);
    return told as { run: string; root: string; parent?: string; token: string; expires_at: number };
  };
  return { ...arranged, url, events, ask, begin };
}

describe('agent runs over HTTP', () => {
  it('are begun, narrowed, kept going and finished', async () => {
    const { ask, begin, trail } = await open();
    const root = await begin(token, { allow: ['github.*'], expires_in: 600, reason: 'nightly report' });
    const child = await begin(root.token, { allow: ['github.token'] });
    expect(child).toMatchObject({ root: root.run, parent: root.run });
    const resolve = (bearer: string, name: string) => ask(bearer, '/v1/secrets/resolve', { secrets: [name] });
    expect((await resolve(child.token, 'github.token')).status).toBe(200);
    expect(trail.last()).toMatchObject({ agentRun: child.run, reason: 'nightly report' });
    expect((await resolve(child.token, 'github.write_token')).body).toMatchObject({ code: 'not-allowed' });
    expect((await resolve(root.token, 'openai.api_key')).status).toBe(403);
    expect((await ask(root.token, `/v1/agent-runs/${root.run}/heartbeat`)).body).toMatchObject({ run: root.run });
    const finished = await ask(root.token, `/v1/agent-runs/${root.run}/finish`, { outcome: 'succeeded' });
    expect(finished.body).toMatchObject({ ended: 2 });
    const late = await resolve(child.token, 'github.token');
    expect([late.status, late.body['code']]).toEqual([401, 'run-ended']);
  });

  it.each([
    ['a pattern that policy.yaml does not have', { allow: ['GitHub'] }],
    ['an empty list', { allow: [] }],
    ['a life of no seconds', { expires_in: 0 }],
    ['a key that is unknown', { forever: true }],
    ['another type', { allow: 'github.*' }],
  ])('are not begun with %s', async (_, body) => {
    const { ask } = await open();
    expect((await ask(token, '/v1/agent-runs', body)).body).toMatchObject({ code: 'invalid-request' });
  });

  it('are listed, shown and ended by the operator', async () => {
    const { begin, url, ask, events } = await open();
    const root = await begin(token, { reason: 'nightly' });
    const operator = async (method: string, path: string) => {
      const claim = signClaim(operatorKey, { user: 'ann', for: `${method} ${path}`, lifetime: 60, now: Date.now() });
      const answer = await fetch(`${url}${path}`, { method, headers: { authorization: `Bearer ${claim.reveal()}` } });
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
    };
    const at = (path: string) => path.replace('{run}', root.run);
    const list = await operator('GET', `${operatorPaths.agentRuns}?agent=codex&state=running`);
    expect(list.body).toMatchObject({
      runs: [{ run: root.run, agent: 'codex', reason: 'nightly', proven_by: 'token' }],
    });
    expect((await operator('GET', `${operatorPaths.agentRuns}?state=nonsense`)).status).toBe(400);
    expect((await operator('GET', operatorPaths.agentRun.replace('{run}', 'ar-none'))).status).toBe(404);
    expect((await operator('GET', at(operatorPaths.agentRun))).body).toMatchObject({ runs: [{ run: root.run }] });
    expect((await operator('POST', at(operatorPaths.endAgentRun))).body).toMatchObject({ ended: 1 });
    expect((await ask(root.token, '/v1/secrets/resolve', { secrets: ['github.token'] })).body).toMatchObject({
      code: 'run-ended',
    });
    expect((await ask(token, at(operatorPaths.endAgentRun))).status).toBe(401);
    expect(events.at(-1)).toMatchObject({ action: 'authenticate', outcome: 'denied' });
  });
});

describe('a run that is bound to a key (RFC 9449)', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  interface Proof {
    readonly [claim: string]: unknown;
  }
  async function proof(
    htm: string,
    htu: string,
    more: Proof = {},
    { key = privateKey, typ = 'dpop+jwt', alg = 'ES256' } = {},
  ) {
    const jwk = await exportJWK(key === privateKey ? publicKey : key);
    const claims = { htm, htu, jti: randomUUID(), iat: Math.floor(Date.now() / 1_000), ...more };
    return new SignJWT(claims).setProtectedHeader({ alg, typ, jwk }).sign(key);
  }

  async function bound(names?: readonly string[]) {
    const opened = await open(names);
    const { url, begin } = opened;
    const run = await begin(token, {}, { dpop: await proof('POST', `${url}/v1/agent-runs`) });
    const target = `${url}/v1/tokens/orders-token`;
    const ath = hash('sha256', run.token, 'base64url');
    const ask = async (headers: Record<string, string>, path = target) =>
      (await fetch(path, { method: 'POST', headers })).status;
    const send = (dpop: string) => ask({ authorization: `DPoP ${run.token}`, dpop });
    return { ...opened, run, target, ath, askWith: ask, send };
  }

  it('is taken with a proof of that key for that very request, once', async () => {
    const { target, ath, send, trail, run } = await bound();
    const fits = await proof('POST', target, { ath });
    expect(await send(fits)).toBe(200);
    expect(trail.last()).toMatchObject({ agentRun: run.run, outcome: 'allowed' });
    expect(await send(fits)).toBe(401);
    expect(await send(await proof('POST', target.replace('127.0.0.1', 'localhost'), { ath }))).toBe(200);
  });

  it('is refused without, and with any other', async () => {
    const { target, ath, send, askWith, run, url } = await bound();
    expect(await askWith({ authorization: `Bearer ${run.token}` })).toBe(401);
    expect(await askWith({ authorization: `DPoP ${run.token}` })).toBe(401);
    expect(await askWith({ authorization: `DPoP ${token}`, dpop: await proof('POST', target) })).toBe(401);
    const now = Math.floor(Date.now() / 1_000);
    const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const wrong = [
      await proof('GET', target, { ath }),
      await proof('POST', `${url}/v1/tokens/other`, { ath }),
      await proof('POST', `https://127.0.0.1${new URL(target).pathname}`, { ath }),
      await proof('POST', `http://evil.example/v1/tokens/orders-token`, { ath }),
      await proof('POST', target.replace(/:\d+/, ':1'), { ath }),
      await proof('POST', target.replace(/:\d+/, ''), { ath }),
      await proof('POST', `${target}%2F`, { ath }),
      await proof('POST', target, { ath: hash('sha256', 'x', 'base64url') }),
      await proof('POST', target),
      await proof('POST', target, { ath, iat: now - 70 }),
      await proof('POST', target, { ath, iat: now + 70 }),
      await proof('POST', target, { ath, iat: 'now' }),
      await proof('POST', target, { ath, jti: '' }),
      await proof('POST', target, { ath }, { typ: 'JWT' }),
      'x',
      '',
    ];
    for (const each of wrong) expect([each, await send(each)]).toEqual([each, 401]);
    const jwk = await exportJWK(stranger.publicKey);
    const theirs = await new SignJWT({ htm: 'POST', htu: target, jti: randomUUID(), iat: now, ath })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
      .sign(stranger.privateKey);
    expect(await send(theirs)).toBe(401);
    const leaking = await new SignJWT({ htm: 'POST', htu: target, jti: randomUUID(), iat: now, ath })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: await exportJWK(privateKey) })
      .sign(privateKey);
    expect(await send(leaking)).toBe(401);
    // nothing of that used anything up
    expect(await send(await proof('POST', target, { ath }))).toBe(200);
  });

  it('is proven for its address however that is written, and at the ports that clients are said to use', async () => {
    const { target, ath, send } = await bound(['flows.example:8443', 'flows.example:80']);
    const { port, pathname } = new URL(target);
    const same = [
      `HTTP://LOCALHOST:${port}${pathname}?a=b#c`,
      target.replace('orders-token', 'x/../orders%2dtoken'),
      `http://flows.example:8443${pathname}`,
      `http://Flows.example${pathname}`,
      `http://flows.example:${port}${pathname}`,
    ];
    for (const htu of same) expect([htu, await send(await proof('POST', htu, { ath }))]).toEqual([htu, 200]);
    expect(await send(await proof('POST', `http://flows.example:8444${pathname}`, { ath }))).toBe(401);
  });

  it('binds those below it to the same key', async () => {
    const { url, run, ath } = await bound();
    const begun = await fetch(`${url}/v1/agent-runs`, {
      method: 'POST',
      headers: { authorization: `DPoP ${run.token}`, dpop: await proof('POST', `${url}/v1/agent-runs`, { ath }) },
    });
    const child = (await begun.json()) as { token: string };
    const target = `${url}/v1/tokens/orders-token`;
    const bearer = await fetch(target, { method: 'POST', headers: { authorization: `Bearer ${child.token}` } });
    expect(bearer.status).toBe(401);
    const dpop = await proof('POST', target, { ath: hash('sha256', child.token, 'base64url') });
    const proven = await fetch(target, { method: 'POST', headers: { authorization: `DPoP ${child.token}`, dpop } });
    expect(proven.status).toBe(200);
  });
});
