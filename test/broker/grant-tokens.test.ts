import { describe, expect, it } from 'vitest';
import { FlowError } from '../../src/foundation/errors.ts';
import { unlistedRun } from '../../src/broker/agent-runs/unlisted-run.ts';
import { arrange, as, codex, policy, refusalOf, settle, sha256 } from './arrange.ts';

const flow = 'orders-token';
const glass = `description: Whatever happens
break-glass: true
steps:
  - { id: read, uses: vault/read, with: { reference: op://Agents/Root/password } }
output: \${{ steps.read }}
`;
const code = `description: A code
steps:
  - { id: code, uses: totp/code, with: { reference: op://Agents/Root/one-time password } }
output: \${{ steps.code }}
`;
const mayBreakGlass = policy.replace('make-login, only-elsewhere]', 'make-login, only-elsewhere, glass]');

describe('tokens', () => {
  it('are given as RFC 6749 writes them, and recorded before', async () => {
    const { broker, clock, trail } = await arrange();
    expect(await broker.token(codex, flow, {})).toEqual({
      access_token: 'canary-token-1',
      token_type: 'Bearer',
      expires_in: 600,
      expires_at: clock.now() / 1_000 + 600,
      scope: 'orders:read',
      audience: ['https://orders.example'],
    });
    expect(trail.events).toEqual([
      {
        agent: 'codex',
        action: 'token.issue',
        what: [flow],
        outcome: 'allowed',
        source: 'issuer',
        rule: expect.stringMatching(/^policy\.yaml:\d+:\d+ flows orders-token$/),
        jti: ['jti-1'],
        request: 'r-1',
        run: 'run-42',
        reason: undefined,
        address: '127.0.0.1',
      },
    ]);
    clock.pass(100.5);
    expect(await broker.token(codex, flow, {})).toMatchObject({ access_token: 'canary-token-1', expires_in: 499 });
    expect(trail.last()).toMatchObject({ source: 'cache', jti: ['jti-1'] });
    expect(JSON.stringify(trail.events)).not.toContain('canary');
  });

  it('wait for the disk where they are new to the agent, and not where they repeat what it has', async () => {
    const { broker, trail, clock } = await arrange();
    const weights = async (work: () => unknown) => {
      trail.weights.splice(0);
      await work();
      return trail.weights;
    };
    const ask = (caller = codex) => broker.token(caller, flow, {});
    expect(await weights(ask)).toEqual([undefined]);
    expect(await weights(ask)).toEqual(['repeat']);
    expect(await weights(() => broker.cachedToken(codex, flow)?.recorded)).toEqual(['repeat']);
    // another agent, another token, a name of the same value, a refusal
    expect(await weights(() => ask(as('other')))).toEqual([undefined]);
    clock.pass(700);
    expect(await weights(ask)).toEqual([undefined]);
    expect(await weights(() => broker.secrets(codex, ['openai.api_key']))).toEqual([undefined]);
    expect(await weights(() => broker.secrets(codex, ['openai.api_key']))).toEqual(['repeat']);
    expect(await weights(() => broker.secrets(codex, ['openai.api_key', 'github.token']))).toEqual([undefined]);
    expect(await weights(() => refusalOf(broker.token(codex, 'nothing', {})))).toEqual([undefined]);
    // what was never put on the disk is no repeat
    trail.broken = true;
    await refusalOf(broker.secrets(as('other'), ['openai.api_key']));
    trail.broken = false;
    expect(await weights(() => broker.secrets(as('other'), ['openai.api_key']))).toEqual([undefined]);
  });

  it('are minted once for a thousand callers, and their credentials read once', async () => {
    const { broker, issuer, vault, trail } = await arrange();
    const answers = await Promise.all(Array.from({ length: 1_000 }, () => broker.token(codex, flow, {})));
    expect(new Set(answers.map((answer) => answer.access_token)).size).toBe(1);
    expect(issuer.requests).toBe(1);
    expect(vault.batches).toEqual([['op://Agents/Orders/username', 'op://Agents/Orders/credential']]);
    expect(trail.events).toHaveLength(1_000);
  });

  it('take inputs, checked as the flow declares them', async () => {
    const { broker, trail } = await arrange();
    const [north, south, again] = await Promise.all(
      ['north', 'south', 'north'].map((tenant) => broker.token(codex, 'tenant-token', { tenant })),
    );
    expect(north?.access_token).toBe(again?.access_token);
    expect(north?.access_token).not.toBe(south?.access_token);
    for (const bad of [
      {},
      { tenant: 'west' },
      { tenant: 'north', trace: 'A;' },
      { tenant: 'north', more: 1 },
      { tenant: 7 },
    ]) {
      const refusal = await refusalOf(broker.token(codex, 'tenant-token', bad));
      expect(refusal.toJSON()).toEqual({ code: 'invalid-request', status: 400, names: ['tenant-token'] });
      expect(trail.last()).toMatchObject({ outcome: 'denied', code: 'invalid-request' });
    }
  });

  it.each([
    ['read-one', 'not-a-token', 422],
    ['token-and-more', 'not-a-token', 422],
    ['make-login', 'not-a-token', 422],
    ['orders-again', 'not-allowed', 403],
    ['only-elsewhere', 'not-allowed', 403],
    ['nothing-there', 'not-allowed', 403],
    ['__proto__', 'not-allowed', 403],
    ['x'.repeat(129), 'invalid-request', 400],
    ['', 'invalid-request', 400],
  ])('of %s are refused: %s', async (name, code, status) => {
    const { broker, trail, issuer, vault } = await arrange();
    const refusal = await refusalOf(broker.token(codex, name, {}));
    expect(refusal).toMatchObject({ code, status });
    expect(trail.last()).toMatchObject({ outcome: 'denied', code, what: status === 400 ? [] : [name] });
    expect([issuer.requests, vault.batches.length]).toEqual([0, 0]);
  });

  it('of a flow that writes are not even said to be there, where only a wildcard names it', async () => {
    const { broker } = await arrange();
    expect((await refusalOf(broker.token(as('other'), 'make-login', {}))).code).toBe('not-allowed');
    expect((await broker.token(as('other'), 'orders-again', {})).token_type).toBe('Bearer');
  });

  it('that live longer than policy allows are refused, and given when they do not any more', async () => {
    const { broker, clock, issuer } = await arrange();
    issuer.life = 930;
    expect((await refusalOf(broker.token(codex, flow, {}))).toJSON()).toEqual({
      code: 'ttl-exceeds-policy',
      status: 403,
      names: [flow],
    });
    expect(await broker.token(as('other'), flow, {})).toMatchObject({ expires_in: 930 });
    expect(broker.cachedToken(codex, flow)).toBeUndefined();
    clock.pass(30);
    expect(await broker.token(codex, flow, {})).toMatchObject({ expires_in: 900 });
    expect(issuer.requests).toBe(1);
    expect((await refusalOf(broker.token(as('quick'), flow, {}))).code).toBe('ttl-exceeds-policy');
  });

  it('that never say when they end are refused where policy has a bound', async () => {
    const { broker, issuer } = await arrange();
    issuer.life = undefined;
    expect((await refusalOf(broker.token(codex, flow, {}))).code).toBe('ttl-exceeds-policy');
    const token = await broker.token(as('other'), flow, {});
    expect(token).not.toHaveProperty('expires_in');
    expect(broker.cachedToken(as('other'), flow)).toBeUndefined();
  });

  it('say nothing of an issuer that refuses or is down', async () => {
    const { broker, issuer, trail } = await arrange();
    issuer.down = new FlowError('denied', 'https://login.example.com said invalid_client', { hint: 'ask Ada' });
    const refused = await refusalOf(broker.token(codex, flow, {}));
    expect(refused.toJSON()).toEqual({ code: 'upstream-refused', status: 502, names: [flow] });
    expect(trail.last()).toMatchObject({ outcome: 'failed', code: 'upstream-refused', detail: 'denied' });
    expect(refused.cause).toMatchObject({ code: 'denied', place: { flow, step: 'token' } });
    issuer.down = new FlowError('rate-limited', 'slow down', { retryAfter: 17 });
    expect((await refusalOf(broker.token(codex, 'tenant-token', { tenant: 'north' }))).toJSON()).toEqual({
      code: 'upstream-unavailable',
      status: 503,
      names: ['tenant-token'],
      retryAfter: 17,
    });
    issuer.down = new TypeError('a fault with a secret in it') as unknown as FlowError;
    const fault = await refusalOf(broker.token(codex, 'tenant-token', { tenant: 'south' }));
    expect(fault.toJSON()).toEqual({ code: 'internal', status: 500, names: ['tenant-token'] });
  });

  it('are made anew where the wall clock was set back past their life', async () => {
    const { broker, clock, issuer } = await arrange();
    await broker.token(codex, flow, {});
    clock.setWall(-3_600);
    clock.pass(599);
    // the token's own clock says an hour more, but it has one second left
    expect(await broker.token(as('other'), flow, {})).toMatchObject({ access_token: 'canary-token-1', expires_in: 1 });
    clock.pass(1);
    expect(broker.cachedToken(as('other'), flow)).toBeUndefined();
    expect(await broker.token(codex, flow, {})).toMatchObject({ access_token: 'canary-token-2', expires_in: 600 });
    expect(issuer.requests).toBe(2);
    clock.setWall(-3_600);
    clock.pass(600);
    const { resolved } = await broker.secrets(codex, ['orders.token']);
    expect(resolved['orders.token']?.value).toBe('canary-token-3');
    clock.setWall(-3_600);
    clock.pass(600);
    expect((await broker.run(codex, flow, {})).output).toMatchObject({ access_token: 'canary-token-4' });
  });

  it('are not given where the right went while they were minted', async () => {
    const { broker, issuer, rewrite, trail } = await arrange();
    const open = Promise.withResolvers<void>();
    issuer.gate = open.promise;
    const asked = refusalOf(broker.token(codex, flow, {}));
    await settle();
    rewrite({ policy: policy.replace('flows: [orders-token, tenant-token', 'flows: [tenant-token') });
    open.resolve();
    expect((await asked).code).toBe('not-allowed');
    expect(trail.events.map(({ outcome }) => outcome)).toEqual(['denied']);
  });
});

describe('cached tokens', () => {
  it('need no promise but the record, and are the same object within a second', async () => {
    const { broker, clock, trail, issuer } = await arrange();
    expect(broker.cachedToken(codex, flow)).toBeUndefined();
    expect(trail.events).toEqual([]);
    const token = await broker.token(codex, flow, {});
    const first = broker.cachedToken(codex, flow);
    expect(first?.token).toEqual(token);
    await first?.recorded;
    expect(trail.last()).toMatchObject({ action: 'token.issue', what: [flow], outcome: 'allowed', source: 'cache' });
    clock.pass(0.4);
    const second = broker.cachedToken(codex, flow);
    expect(second?.token).toMatchObject({ expires_in: 599 });
    expect(broker.cachedToken(codex, flow)?.token).toBe(second?.token);
    expect(trail.last()).toMatchObject({ source: 'cache', jti: ['jti-1'] });
    expect(trail.events).toHaveLength(4);
    expect(issuer.requests).toBe(1);
    expect((await broker.stats()).tokens).toEqual({ hits: 3, misses: 1 });
  });

  it('are asked of the engine again every second, by one caller', async () => {
    const { broker, clock } = await arrange();
    await broker.token(codex, flow, {});
    clock.pass(1);
    expect(broker.cachedToken(codex, flow)).toBeUndefined();
    expect(broker.cachedToken(codex, flow)).toBeDefined();
    await broker.token(codex, flow, {});
    clock.pass(0.9);
    expect(broker.cachedToken(codex, flow)).toBeDefined();
    clock.pass(1.2);
    expect(broker.cachedToken(codex, flow)).toBeUndefined();
    expect(broker.cachedToken(codex, flow)).toBeUndefined();
  });

  it('give way to the next one in time, and one that is over is never given', async () => {
    const { broker, clock, issuer } = await arrange();
    let given = 0;
    let last = '';
    for (let tick = 0; tick < 6_000; tick += 1) {
      const token = broker.cachedToken(codex, flow)?.token ?? (await broker.token(codex, flow, {}));
      expect(token.expires_in).toBeGreaterThan(0);
      expect((token.expires_at ?? 0) * 1_000).toBeGreaterThan(clock.now());
      if (token.access_token !== last) given += 1;
      last = token.access_token;
      clock.pass(0.3);
    }
    // half an hour of tokens that live ten minutes and are renewed at 85 % of that
    expect(given).toBe(issuer.requests);
    expect(given).toBe(4);
  });

  it('end with the right to them', async () => {
    const { broker, rewrite } = await arrange();
    await broker.token(codex, flow, {});
    expect(broker.cachedToken(codex, flow)).toBeDefined();
    for (const [from, to] of [
      ['flows: [orders-token, tenant-token', 'flows: [tenant-token'],
      ['deny: [github.admin_token]', 'deny: [github.admin_token, orders-token]'],
      ['max-ttl: 15m', 'max-ttl: 5m'],
      ['max-ttl: 15m', 'require-reason: true'],
    ] as const) {
      rewrite({ policy: policy.replace(from, to) });
      expect(broker.cachedToken(codex, flow)).toBeUndefined();
      expect((await refusalOf(broker.token(codex, flow, {}))).status).toBe(403);
      rewrite({ policy });
      expect(broker.cachedToken(codex, flow)).toBeDefined();
    }
    expect(broker.cachedToken(as('nobody'), flow)).toBeUndefined();
    await broker.token(as('careful', { reason: 'x' }), flow, {});
    expect(broker.cachedToken(as('careful'), flow)).toBeUndefined();
    expect(broker.cachedToken(as('careful', { reason: 'x' }), flow)).toBeDefined();
    expect(broker.cachedToken(as('careful'), flow)).toBeUndefined();
  });

  it('are given to each agent run by what it is narrowed to, whichever of them asked before, while policy allows it', async () => {
    const { broker, rewrite } = await arrange();
    const asRun = (run: string, allow: readonly string[]) =>
      as('codex', { by: 'agent-run', agentRun: { ...unlistedRun(run), chain: [{ run, agent: 'codex', allow }] } });
    const [within, without] = [asRun('ar-1', ['orders-*']), asRun('ar-2', ['other-*'])];
    await broker.token(within, flow, {});
    for (let round = 0; round < 2; round += 1) {
      expect(broker.cachedToken(without, flow)).toBeUndefined();
      expect(broker.cachedToken(within, flow)).toBeDefined();
    }
    rewrite({ policy: policy.replace('deny: [github.admin_token]', 'deny: [github.admin_token, orders-token]') });
    expect(broker.cachedToken(within, flow)).toBeUndefined();
  });

  it('are gone, and names with them, when one was revoked', async () => {
    const { broker, revoke, issuer } = await arrange();
    const [token] = [await broker.token(codex, flow, {}), await broker.secrets(codex, ['orders.token'])];
    expect(broker.cachedToken(codex, flow)).toBeDefined();
    revoke(token.access_token);
    expect(broker.cachedToken(codex, flow)).toBeUndefined();
    expect(broker.cachedSecrets(codex, ['orders.token'])).toBeUndefined();
    expect((await broker.token(codex, flow, {})).access_token).toBe('canary-token-2');
    expect(issuer.requests).toBe(2);
  });
});

describe('tokens of an issuer that says which agent they are for', () => {
  const attribution = { claim: 'act.sub', parameter: 'agent' };

  it('are asked for in the name of the proven agent, and each agent has its own, from memory too', async () => {
    const { broker, issuer, trail } = await arrange();
    issuer.attribution = attribution;
    const agents = [codex, as('other'), codex, as('other')];
    const given = [];
    for (const caller of agents) given.push((await broker.token(caller, flow, {})).access_token);
    expect(given).toEqual(['canary-token-1', 'canary-token-2', 'canary-token-1', 'canary-token-2']);
    expect(issuer.agents).toEqual(['codex', 'other']);
    const remembered = agents.map((caller) => broker.cachedToken(caller, flow)?.token.access_token);
    expect(remembered).toEqual(given);
    expect(trail.events.map(({ agent, jti }) => [agent, jti])).toEqual(
      [...agents, ...agents].map(({ agent }) => [agent, [agent === 'codex' ? 'jti-1' : 'jti-2']]),
    );
  });

  it('are each agent’s own behind a name of the registry as well', async () => {
    const { broker, issuer, trail, clock } = await arrange({
      files: { 'policy.yaml': policy.replace('allow: [openai.api_key, limited.key]', 'allow: [orders.token]') },
    });
    issuer.attribution = attribution;
    const ask = async (agent: string) =>
      (await broker.secrets(as(agent), ['orders.token'])).resolved['orders.token']?.value;
    expect([await ask('codex'), await ask('other'), await ask('codex')]).toEqual([
      'canary-token-1',
      'canary-token-2',
      'canary-token-1',
    ]);
    expect(trail.last()).toMatchObject({ agent: 'codex', source: 'cache', jti: ['jti-1'] });
    clock.pass(1);
    const known = broker.cachedSecrets(as('other'), ['orders.token']);
    expect(known?.secrets.resolved['orders.token']?.value).toBe('canary-token-2');
    expect(trail.last()).toMatchObject({ agent: 'other', jti: ['jti-2'] });
  });

  it('are one for an agent, however many runs it has, and one for all where the issuer says nothing', async () => {
    const { broker, issuer } = await arrange();
    issuer.attribution = attribution;
    for (const run of ['a', 'b', 'c']) await broker.token({ ...codex, run }, flow, {});
    expect(issuer.requests).toBe(1);
    issuer.attribution = undefined;
    const shared = [await broker.token(as('other'), flow, {}), await broker.token(codex, flow, {})];
    expect(issuer.requests).toBe(2);
    expect(shared[0]?.access_token).toBe('canary-token-2');
  });

  it('count against the rate, each request once', async () => {
    const { broker, issuer } = await arrange();
    issuer.life = 25;
    await broker.token(as('quick'), flow, {});
    expect(broker.cachedToken(as('quick'), flow)).toBeDefined();
    expect(broker.cachedToken(as('quick'), flow)).toBeDefined();
    expect(broker.cachedToken(as('quick'), flow)).toBeUndefined();
    expect((await refusalOf(broker.token(as('quick'), flow, {}))).code).toBe('rate-limited');
  });

  it('tell that the trail cannot be written', async () => {
    const { broker, trail } = await arrange();
    await broker.token(codex, flow, {});
    trail.broken = true;
    const found = broker.cachedToken(codex, flow);
    expect((await refusalOf(found?.recorded ?? Promise.resolve())).code).toBe('audit-unavailable');
    expect((await broker.stats()).refusals).toEqual({ 'audit-unavailable': 1 });
  });

  it('of a flow with inputs are not mixed up', async () => {
    const { broker } = await arrange();
    await broker.token(codex, 'tenant-token', { tenant: 'north' });
    expect(broker.cachedToken(codex, 'tenant-token')).toBeUndefined();
  });
});

describe('rejected tokens', () => {
  const hash = (count: number) => sha256(`canary-token-${count}`);

  it('are evicted, and only they, and once a minute', async () => {
    const { broker, clock, issuer, trail } = await arrange();
    await broker.token(codex, flow, {});
    await broker.token(codex, 'tenant-token', { tenant: 'north' });
    expect(await broker.rejected(codex, flow, sha256('another'))).toEqual({ evicted: false });
    expect(await broker.rejected(codex, flow, hash(1).toUpperCase())).toEqual({ evicted: true });
    expect(trail.last()).toMatchObject({ action: 'token.rejected', what: [flow], outcome: 'allowed' });
    expect(JSON.stringify(trail.events)).not.toContain(hash(1));
    expect(broker.cachedToken(codex, flow)).toBeUndefined();
    expect(await broker.token(codex, flow, {})).toMatchObject({ access_token: 'canary-token-3' });
    expect(await broker.token(codex, 'tenant-token', { tenant: 'north' })).toMatchObject({
      access_token: 'canary-token-2',
    });
    // the next one within the minute stays, however often it is reported
    for (let index = 0; index < 20; index += 1)
      expect(await broker.rejected(codex, flow, hash(3))).toEqual({ evicted: false });
    expect(await broker.rejected(codex, flow, hash(1))).toEqual({ evicted: false });
    expect(broker.cachedToken(codex, flow)?.token).toMatchObject({ access_token: 'canary-token-3' });
    clock.pass(60);
    expect(await broker.rejected(codex, flow, hash(3))).toEqual({ evicted: true });
    await broker.token(codex, flow, {});
    expect(issuer.requests).toBe(4);
  });

  it('are once a minute for all flows that give the same token', async () => {
    const { broker, issuer } = await arrange();
    await broker.token(codex, flow, {});
    await broker.token(as('other'), 'orders-again', {});
    expect(issuer.requests).toBe(1);
    expect(await broker.rejected(as('other'), 'orders-again', hash(1))).toEqual({ evicted: true });
    expect(broker.cachedToken(codex, flow)).toBeUndefined();
    await broker.token(codex, flow, {});
    expect(await broker.rejected(codex, flow, hash(2))).toEqual({ evicted: false });
  });

  it('of another flow than the agent may have stay', async () => {
    const { broker } = await arrange();
    await broker.token(codex, 'tenant-token', { tenant: 'north' });
    await broker.token(as('other'), flow, {});
    expect(await broker.rejected(as('quick'), flow, hash(1))).toEqual({ evicted: false });
    expect((await refusalOf(broker.rejected(as('quick'), 'tenant-token', hash(1)))).code).toBe('not-allowed');
    expect(await broker.rejected(codex, 'tenant-token', hash(1))).toEqual({ evicted: true });
  });

  it('are forgotten behind a name of the registry too, and may be reported by who got them there', async () => {
    const { broker, clock } = await arrange();
    const value = async () => (await broker.secrets(codex, ['orders.token'])).resolved['orders.token']?.value;
    expect(await value()).toBe('canary-token-1');
    await broker.secrets(codex, ['openai.api_key']);
    expect(await broker.rejected(codex, flow, hash(1))).toEqual({ evicted: true });
    expect(await value()).toBe('canary-token-2');
    expect((await broker.secrets(codex, ['openai.api_key'])).cached).toBe(true);
    clock.pass(60);
    await broker.run(codex, flow, {});
    expect(await broker.rejected(codex, flow, hash(2))).toEqual({ evicted: true });
    clock.pass(60);
    expect((await broker.run(codex, flow, {})).output).toMatchObject({ access_token: 'canary-token-3' });
    expect(await broker.rejected(codex, flow, hash(3))).toEqual({ evicted: true });
  });

  it.each(['', 'nonsense', 'f'.repeat(63), 'g'.repeat(64), `${'f'.repeat(64)}\n`])(
    'need a hash: %j',
    async (reported) => {
      const { broker } = await arrange();
      expect((await refusalOf(broker.rejected(codex, flow, reported))).code).toBe('invalid-request');
    },
  );

  it('count against the rate', async () => {
    const { broker } = await arrange();
    for (let index = 0; index < 3; index += 1) await broker.rejected(as('quick'), flow, hash(9));
    expect((await refusalOf(broker.rejected(as('quick'), flow, hash(9)))).code).toBe('rate-limited');
  });

  it('do not come back by a request that was under way, however far it was', async () => {
    let old = 0;
    for (let steps = 0; steps < 80; steps += 1) {
      const { broker, clock } = await arrange();
      await broker.token(codex, flow, {});
      clock.pass(1);
      expect(broker.cachedToken(codex, flow)).toBeUndefined();
      const underWay = broker.token(codex, flow, {});
      for (let step = 0; step < steps; step += 1) await Promise.resolve();
      const { evicted } = await broker.rejected(codex, flow, hash(1));
      expect(evicted).toBe(true);
      if ((await underWay).access_token === 'canary-token-1') old += 1;
      const next = broker.cachedToken(codex, flow)?.token ?? (await broker.token(codex, flow, {}));
      expect(next.access_token).toBe('canary-token-2');
    }
    // some of them had the old one in hand when it was evicted, and some had not
    expect(old).toBeGreaterThan(0);
    expect(old).toBeLessThan(80);
  });
});

describe('flows', () => {
  it('that only read are run, and their answer is JSON', async () => {
    const { broker, trail } = await arrange();
    expect(await broker.run(codex, 'read-one', {})).toEqual({
      output: 'canary op://Agents/Plain/credential v1',
      as: 'secret',
    });
    expect(trail.last()).toMatchObject({ action: 'flow.run', what: ['read-one'], outcome: 'allowed', source: 'vault' });
    expect(await broker.run(codex, 'token-and-more', {})).toMatchObject({
      output: { token: { access_token: 'canary-token-1', expires_in: 600 }, note: 'text' },
      as: { token: 'token', note: 'plain' },
    });
    expect(JSON.stringify(trail.events)).not.toContain('canary');
  });

  it('are on the disk as begun while their services are asked, and before anything is given', async () => {
    const { broker, trail, vault } = await arrange();
    const flushed = Promise.withResolvers<void>();
    trail.gate = flushed.promise;
    let answered = false;
    const answer = broker.run(codex, 'read-one', {}).then(() => (answered = true));
    await expect.poll(() => vault.batches).toHaveLength(1);
    await settle();
    expect([answered, trail.weights]).toEqual([false, [undefined]]);
    flushed.resolve();
    await answer;
    expect(trail.events).toMatchObject([
      { action: 'flow.started', what: ['read-one'], outcome: 'allowed' },
      { action: 'flow.run', what: ['read-one'], outcome: 'allowed' },
    ]);
    expect(trail.events[0]).toMatchObject({ agent: 'codex', rule: trail.last()?.rule, request: trail.last()?.request });
  });

  it('that have begun repeat what the trail says, unless a value is new to the agent, they fail or break the glass', async () => {
    const { broker, trail, vault } = await arrange({ files: { 'glass.yaml': glass, 'policy.yaml': mayBreakGlass } });
    const weights = async (name: string) => {
      trail.weights.splice(0);
      await broker.run(codex, name, {}).catch(() => undefined);
      return trail.weights;
    };
    expect(await weights('read-one')).toEqual([undefined, undefined]);
    expect(await weights('read-one')).toEqual([undefined, 'repeat']);
    vault.version = 2;
    expect(await weights('read-one')).toEqual([undefined, undefined]);
    vault.broken.set('op://Agents/Plain/credential', new FlowError('denied', 'no access'));
    expect(await weights('read-one')).toEqual([undefined, undefined]);
    expect(trail.last()).toMatchObject({ action: 'flow.run', outcome: 'failed' });
    expect(await weights('glass')).toEqual([undefined, undefined]);
    expect(await weights('glass')).toEqual([undefined, undefined]);
    expect(trail.last()).toMatchObject({ action: 'flow.run', outcome: 'allowed', what: ['glass'] });
  });

  it('that give a one-time code are on the disk at their end each time: none of them is a repeat', async () => {
    const files = { 'code.yaml': code, 'policy.yaml': policy.replace('read-one,', 'read-one, code,') };
    const { broker, trail, vault } = await arrange({ files });
    vault.value = () => 'otpauth://totp/it?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
    for (const _ of [1, 2]) {
      trail.weights.splice(0);
      await broker.run(codex, 'code', {});
      expect(trail.last()).toMatchObject({ action: 'flow.run', outcome: 'allowed', what: ['code'] });
      expect(trail.weights).toEqual([undefined, undefined]);
    }
  });

  it('say the costliest place that their answer came from', async () => {
    const { broker, trail } = await arrange();
    const sourceOf = async (name: string) => {
      await broker.run(as('other'), name, {});
      return trail.last()?.source;
    };
    expect(await sourceOf('both')).toBe('issuer');
    expect(await sourceOf('both')).toBe('vault');
    expect(await sourceOf('orders-again')).toBe('issuer');
    expect(await sourceOf('orders-again')).toBe('cache');
  });

  it.each([
    ['make-login', 'codex', 'write-not-served', 403],
    ['make-login', 'other', 'not-allowed', 403],
    ['nothing-there', 'codex', 'not-allowed', 403],
    ['orders-again', 'codex', 'not-allowed', 403],
    ['tenant-token', 'codex', 'invalid-request', 400],
  ])('%s for %s: %s', async (name, agent, code, status) => {
    const { broker, trail, vault } = await arrange();
    expect(await refusalOf(broker.run(as(agent), name, {}))).toMatchObject({ code, status });
    expect(trail.last()).toMatchObject({ action: 'flow.run', outcome: 'denied', code });
    expect(vault.batches).toEqual([]);
  });

  it('give no token that lives longer than policy allows', async () => {
    const { broker, issuer } = await arrange();
    issuer.life = 3_600;
    expect((await refusalOf(broker.run(codex, 'token-and-more', {}))).code).toBe('ttl-exceeds-policy');
    expect((await refusalOf(broker.run(codex, flow, {}))).code).toBe('ttl-exceeds-policy');
    issuer.life = undefined;
    expect((await refusalOf(broker.run(codex, 'tenant-token', { tenant: 'north' }))).code).toBe('ttl-exceeds-policy');
  });

  it('are listed for those who may use them', async () => {
    const { broker, trail } = await arrange();
    const names = async (agent: string) => (await broker.flows(as(agent))).map(({ name }) => name).toSorted();
    expect(await names('codex')).toEqual(['make-login', 'orders-token', 'read-one', 'tenant-token', 'token-and-more']);
    expect(await names('careful')).toEqual(['orders-token']);
    expect(await names('other')).toEqual([
      'both',
      'orders-again',
      'orders-token',
      'read-one',
      'tenant-token',
      'token-and-more',
    ]);
    expect(await names('nobody')).toEqual([]);
    expect(trail.last()).toMatchObject({ action: 'flows.list', outcome: 'allowed', agent: 'nobody' });
    const found = await broker.flows(codex);
    expect(found.find(({ name }) => name === 'orders-token')).toEqual({
      name: 'orders-token',
      description: 'Bearer token for the Orders API',
      effect: 'none',
      inputs: { type: 'object', properties: {}, required: [], additionalProperties: false },
    });
    // what writes is begun as a run, by those who may run it by its full name
    expect(found.filter(({ effect }) => effect === 'write').map(({ name }) => name)).toEqual(['make-login']);
  });
});
