import { describe, expect, it } from 'vitest';
import { FlowError } from '../../src/foundation/errors.ts';
import { arrange, as, codex, policy, refusalOf, registry, settle } from './arrange.ts';

const seconds = (iso: string | undefined, now: number) => (Date.parse(iso ?? '') - now) / 1_000;

describe('secrets', () => {
  it('are given by name, with the end of their lease, and recorded before', async () => {
    const { broker, clock, trail, vault } = await arrange();
    const answer = await broker.secrets(codex, ['openai.api_key', 'github.token']);
    expect(answer).toEqual({
      resolved: {
        'openai.api_key': { value: 'canary op://Agents/OpenAI/credential v1', expiresAt: expect.any(String) },
        'github.token': { value: 'canary op://Agents/GitHub/token v1', expiresAt: expect.any(String) },
      },
      cached: false,
    });
    // the agent's 15 minutes are shorter than the 30 of the registry, and longer than the default of 5
    expect(seconds(answer.resolved['openai.api_key']?.expiresAt, clock.now())).toBe(900);
    expect(seconds(answer.resolved['github.token']?.expiresAt, clock.now())).toBe(300);
    expect(vault.batches).toEqual([['op://Agents/OpenAI/credential', 'op://Agents/GitHub/token']]);
    expect(trail.events).toEqual([
      {
        agent: 'codex',
        action: 'secrets.resolve',
        what: ['openai.api_key', 'github.token'],
        outcome: 'allowed',
        source: 'vault',
        rule: expect.stringMatching(
          /^policy\.yaml:\d+:\d+ allow openai\.api_key, policy\.yaml:\d+:\d+ allow github\.\*$/,
        ),
        request: 'r-1',
        run: 'run-42',
        reason: undefined,
        address: '127.0.0.1',
      },
    ]);
    expect(JSON.stringify(trail.events)).not.toContain('canary');
  });

  it('come from memory within their lease, for whoever may have them', async () => {
    const { broker, clock, vault, trail } = await arrange();
    const first = await broker.secrets(codex, ['openai.api_key']);
    clock.pass(600);
    const second = await broker.secrets(as('other'), ['openai.api_key']);
    expect(second).toMatchObject({ cached: true });
    expect(vault.batches).toHaveLength(1);
    expect(trail.last()).toMatchObject({ agent: 'other', source: 'cache' });
    // the bound of the environment, less what has passed; the first agent's answer says no more than that
    expect(seconds(second.resolved['openai.api_key']?.expiresAt, clock.now())).toBe(300);
    expect(first.resolved['openai.api_key']?.expiresAt).toBe(second.resolved['openai.api_key']?.expiresAt);
    expect((await broker.secrets(as('quick'), ['openai.api_key'])).resolved['openai.api_key']?.expiresAt).toBe(
      new Date(clock.now() + 30_000).toISOString(),
    );
  });

  it('are forgotten when their lease ends, though nobody asks', async () => {
    const { broker, clock, vault } = await arrange();
    await broker.secrets(codex, ['openai.api_key', 'github.token', 'short.key']);
    expect((await broker.stats()).secrets).toEqual({ hits: 0, misses: 3, entries: 3 });
    clock.pass(19.999);
    expect((await broker.stats()).secrets.entries).toBe(3);
    clock.pass(0.001);
    expect((await broker.stats()).secrets.entries).toBe(2);
    clock.pass(880);
    expect((await broker.stats()).secrets.entries).toBe(0);
    expect(clock.timers()).toBe(0);
    vault.version = 2;
    expect((await broker.secrets(codex, ['short.key'])).resolved['short.key']?.value).toMatch(/v2$/);
  });

  it('keep the end of their lease when the wall clock is set back an hour', async () => {
    const { broker, clock, vault } = await arrange();
    await broker.secrets(codex, ['github.token']);
    clock.setWall(-3_600);
    clock.pass(299);
    const late = await broker.secrets(codex, ['github.token']);
    expect(seconds(late.resolved['github.token']?.expiresAt, clock.now())).toBe(1);
    clock.setWall(-0.5);
    clock.pass(1);
    expect((await broker.stats()).secrets.entries).toBe(0);
    await broker.secrets(codex, ['github.token']);
    expect(vault.batches).toHaveLength(2);
  });

  it('that end while others are waited for are read again', async () => {
    const { broker, clock, vault } = await arrange();
    await broker.secrets(codex, ['short.key']);
    clock.pass(19);
    const open = Promise.withResolvers<void>();
    vault.gate = open.promise;
    const asked = broker.secrets(codex, ['short.key', 'github.token']);
    await settle();
    clock.pass(2);
    vault.version = 2;
    open.resolve();
    const { resolved } = await asked;
    expect(resolved['short.key']?.value).toMatch(/v2$/);
    expect(seconds(resolved['short.key']?.expiresAt, clock.now())).toBe(20);
    expect(vault.batches.map((batch) => batch.length)).toEqual([1, 1, 1]);
  });

  it('that end as soon as they are read are not given, nor read for ever', async () => {
    const { broker, vault, issuer, trail } = await arrange();
    issuer.life = 0;
    const refusal = await refusalOf(broker.secrets(codex, ['orders.token']));
    expect(refusal.toJSON()).toMatchObject({ code: 'upstream-unavailable', names: ['orders.token'] });
    expect(trail.last()).toMatchObject({ outcome: 'failed', code: 'upstream-unavailable' });
    expect(issuer.requests).toBeLessThan(10);
    expect(vault.batches.length).toBeLessThan(10);
  });

  it('end while the machine sleeps, and are forgotten soon after it wakes', async () => {
    const { broker, clock, vault } = await arrange();
    await broker.secrets(codex, ['github.token', 'openai.api_key']);
    clock.setWall(301);
    expect((await broker.secrets(codex, ['openai.api_key'])).cached).toBe(true);
    vault.version = 2;
    expect((await broker.secrets(codex, ['github.token'])).resolved['github.token']?.value).toMatch(/v2$/);
    clock.setWall(3_600);
    expect((await broker.stats()).secrets.entries).toBe(2);
    clock.pass(30);
    expect([(await broker.stats()).secrets.entries, clock.timers()]).toEqual([0, 0]);
  });

  it('are read once for a thousand callers, and once for names that overlap', async () => {
    const { broker, vault, trail } = await arrange();
    const open = Promise.withResolvers<void>();
    vault.gate = open.promise;
    const many = Array.from({ length: 1_000 }, (_, index) =>
      broker.secrets(codex, index % 2 === 0 ? ['openai.api_key', 'github.token'] : ['github.token', 'short.key']),
    );
    await settle();
    open.resolve();
    const answers = await Promise.all(many);
    expect(answers.every(({ cached }) => !cached)).toBe(true);
    expect(vault.batches.flat().toSorted()).toEqual([
      'op://Agents/GitHub/token',
      'op://Agents/OpenAI/credential',
      'op://Agents/Short/key',
    ]);
    expect(vault.batches).toHaveLength(1);
    expect(trail.events).toHaveLength(1_000);
  });

  it('of a name asked for twice are given once', async () => {
    const { broker, vault } = await arrange();
    const { resolved } = await broker.secrets(codex, ['github.token', 'github.token']);
    expect(Object.keys(resolved)).toEqual(['github.token']);
    expect(vault.batches).toEqual([['op://Agents/GitHub/token']]);
  });

  it('may come from a flow: then the token ends the lease, and a long one is refused', async () => {
    const { broker, clock, issuer, trail } = await arrange();
    issuer.life = 120;
    const { resolved } = await broker.secrets(codex, ['orders.token']);
    expect(resolved['orders.token']?.value).toBe('canary-token-1');
    expect(seconds(resolved['orders.token']?.expiresAt, clock.now())).toBe(120);
    expect(trail.last()).toMatchObject({ source: 'issuer' });
    clock.pass(120);
    issuer.life = 901;
    const refusal = await refusalOf(broker.secrets(codex, ['orders.token']));
    expect(refusal).toMatchObject({ code: 'ttl-exceeds-policy', status: 403, names: ['orders.token'] });
    clock.pass(901);
    issuer.life = undefined;
    expect((await refusalOf(broker.secrets(codex, ['orders.token']))).code).toBe('ttl-exceeds-policy');
  });

  it('leave the memory one by one where there is no room', async () => {
    const { broker } = await arrange({ cache: { maxEntries: 2 } });
    await broker.secrets(codex, ['openai.api_key', 'github.token']);
    await broker.secrets(codex, ['openai.api_key']);
    await broker.secrets(codex, ['short.key']);
    expect((await broker.stats()).secrets.entries).toBe(2);
    expect((await broker.secrets(codex, ['openai.api_key'])).cached).toBe(true);
    expect((await broker.secrets(codex, ['github.token'])).cached).toBe(false);
  });

  it('stay for no longer than the environment says', async () => {
    const { broker, clock } = await arrange({ cache: { maxTtl: 60, defaultTtl: 10 } });
    const { resolved } = await broker.secrets(codex, ['openai.api_key', 'github.token']);
    expect(seconds(resolved['openai.api_key']?.expiresAt, clock.now())).toBe(60);
    expect(seconds(resolved['github.token']?.expiresAt, clock.now())).toBe(10);
  });
});

describe('what is not allowed', () => {
  const cases: readonly (readonly [string, string, readonly string[], readonly string[], string | undefined])[] = [
    ['denied by no line', 'codex', ['stripe.live_key'], ['stripe.live_key'], undefined],
    ['denied by a line', 'codex', ['github.admin_token'], ['github.admin_token'], undefined],
    ['unknown', 'codex', ['nothing.there'], ['nothing.there'], 'not in registry.yaml'],
    [
      'unknown where a wildcard would allow it',
      'codex',
      ['github.nothing'],
      ['github.nothing'],
      'not in registry.yaml',
    ],
    ['one among allowed ones', 'codex', ['openai.api_key', 'stripe.live_key'], ['stripe.live_key'], undefined],
    ['several', 'codex', ['stripe.live_key', 'x.y'], ['stripe.live_key', 'x.y'], 'not in registry.yaml'],
    ['for an agent that is not there', 'nobody', ['openai.api_key'], ['openai.api_key'], undefined],
    ['a name of the language', 'codex', ['__proto__', 'constructor'], ['__proto__', 'constructor'], 'not in registry'],
  ];
  it.each(cases)('is refused and recorded: %s', async (_, agent, asked, names, detail) => {
    const { broker, vault, trail } = await arrange();
    const refusal = await refusalOf(broker.secrets(as(agent), asked));
    expect(refusal.toJSON()).toEqual({ code: 'not-allowed', status: 403, names });
    expect(trail.events).toHaveLength(1);
    expect(trail.last()).toMatchObject({ outcome: 'denied', code: 'not-allowed', what: asked });
    expect(trail.last()?.rule).toMatch(/default: deny|allow|deny/);
    expect(trail.last()?.detail ?? 'nothing more').toContain(detail ?? 'nothing more');
    expect(vault.batches).toEqual([]);
  });

  it('is what stands behind no reference and no flow of this environment', async () => {
    const { broker, rewrite, trail, vault } = await arrange();
    rewrite({
      registry: `${registry}  elsewhere.key: { flow: only-elsewhere }\n  plain.key: { flow: read-one }\n`,
      policy: policy.replace('short.key]', 'short.key, elsewhere.key, plain.key]'),
    });
    const refusal = await refusalOf(broker.secrets(codex, ['elsewhere.key', 'openai.api_key']));
    expect(refusal.toJSON()).toEqual({ code: 'not-allowed', status: 403, names: ['elsewhere.key'] });
    expect(trail.last()?.detail).toContain('elsewhere.key');
    expect(vault.batches).toEqual([]);
    const { resolved } = await broker.secrets(codex, ['plain.key']);
    expect(resolved['plain.key']?.value).toBe('canary op://Agents/Plain/credential v1');
  });

  it('looks the same whether it exists or not', async () => {
    const { broker } = await arrange();
    const told = async (name: string) =>
      JSON.stringify((await refusalOf(broker.secrets(codex, [name]))).toJSON()).replace(name, 'NAME');
    expect(new Set(await Promise.all(['stripe.live_key', 'github.admin_token', 'nothing.there'].map(told))).size).toBe(
      1,
    );
  });

  it('is asked of policy before memory, and ends at once', async () => {
    const { broker, rewrite, vault } = await arrange();
    await broker.secrets(codex, ['openai.api_key']);
    rewrite({ policy: policy.replace('allow: [openai.api_key, github.*, ', 'allow: [github.*, ') });
    expect((await refusalOf(broker.secrets(codex, ['openai.api_key']))).code).toBe('not-allowed');
    expect((await broker.secrets(as('other'), ['openai.api_key'])).cached).toBe(true);
    expect(vault.batches).toHaveLength(1);
  });

  it('is not given where the right went while the vault was asked', async () => {
    const { broker, rewrite, vault, trail } = await arrange();
    const open = Promise.withResolvers<void>();
    vault.gate = open.promise;
    const asked = refusalOf(broker.secrets(codex, ['openai.api_key', 'github.token']));
    await settle();
    expect(vault.batches).toHaveLength(1);
    rewrite({ policy: policy.replace('deny: [github.admin_token]', 'deny: [github.admin_token, openai.api_key]') });
    open.resolve();
    expect(await asked).toMatchObject({ code: 'not-allowed', names: ['openai.api_key'] });
    expect(trail.events.map(({ outcome }) => outcome)).toEqual(['denied']);
  });

  it('a name that stands for something else while the vault was asked gives the new thing', async () => {
    const { broker, rewrite, vault } = await arrange();
    const open = Promise.withResolvers<void>();
    vault.gate = open.promise;
    const asked = broker.secrets(codex, ['openai.api_key']);
    await settle();
    rewrite({ registry: registry.replace('OpenAI/credential', 'OpenAI/new key') });
    open.resolve();
    expect((await asked).resolved['openai.api_key']?.value).toBe('canary op://Agents/OpenAI/new key v1');
    expect((await broker.stats()).secrets.entries).toBe(1);
  });

  it('a shorter time in the registry holds for what is kept already', async () => {
    const { broker, rewrite, clock, vault } = await arrange();
    await broker.secrets(codex, ['openai.api_key']);
    clock.pass(60);
    rewrite({ registry: registry.replace('ttl: 30m', 'ttl: 90s') });
    const { resolved } = await broker.secrets(codex, ['openai.api_key']);
    expect(seconds(resolved['openai.api_key']?.expiresAt, clock.now())).toBe(30);
    clock.pass(30);
    await broker.secrets(codex, ['openai.api_key']);
    expect(vault.batches).toHaveLength(2);
  });

  it('wants a reason where policy does, and only of those who would be allowed', async () => {
    const { broker, trail } = await arrange();
    expect(await refusalOf(broker.secrets(as('careful'), ['openai.api_key']))).toMatchObject({
      code: 'reason-required',
      status: 403,
    });
    expect((await refusalOf(broker.secrets(as('careful'), ['openai.api_key', 'github.token']))).toJSON()).toEqual({
      code: 'not-allowed',
      status: 403,
      names: ['github.token'],
    });
    const said = as('careful', { reason: 'nightly report' });
    await broker.secrets(said, ['openai.api_key']);
    // nor from memory, whoever asked before
    for (let round = 0; round < 2; round += 1) {
      expect(broker.cachedSecrets(said, ['openai.api_key'])).toBeDefined();
      expect(broker.cachedSecrets(as('careful'), ['openai.api_key'])).toBeUndefined();
    }
    expect(trail.last()).toMatchObject({ outcome: 'allowed', reason: 'nightly report' });
  });

  it.each([
    ['no names', []],
    ['a thousand names', Array.from({ length: 1_000 }, (_, index) => `github.${index}`)],
    ['a hundred and one names', Array.from({ length: 101 }, (_, index) => `github.${index}`)],
    ['an empty name', ['openai.api_key', '']],
    ['a name that is too long', ['x'.repeat(129)]],
  ])('is a bad request: %s', async (_, names) => {
    const { broker, trail } = await arrange();
    expect((await refusalOf(broker.secrets(codex, names))).toJSON()).toEqual({ code: 'invalid-request', status: 400 });
    expect(trail.last()).toMatchObject({ outcome: 'denied', code: 'invalid-request' });
    expect(JSON.stringify(trail.last()).length).toBeLessThan(20_000);
  });
});

describe('when the vault fails', () => {
  const down = new FlowError('unavailable', 'the vault at https://acme.1password.com does not answer', {
    hint: 'wait',
  });

  it('nothing is given, and the agent hears a code and the names', async () => {
    const { broker, vault, trail } = await arrange();
    vault.broken.set('op://Agents/GitHub/token', new FlowError('not-found', 'no item "GitHub" in the vault "Agents"'));
    const refusal = await refusalOf(broker.secrets(codex, ['openai.api_key', 'github.token']));
    expect(refusal.toJSON()).toEqual({ code: 'upstream-refused', status: 502, names: ['github.token'] });
    expect(`${refusal.message} ${JSON.stringify(refusal)}`).not.toMatch(/Agents|GitHub/);
    expect(refusal.cause).toMatchObject({ code: 'not-found', place: { subject: 'op://Agents/GitHub/token' } });
    expect(trail.last()).toMatchObject({
      outcome: 'failed',
      code: 'upstream-refused',
      detail: 'github.token: not-found',
    });
    expect(JSON.stringify(trail.events)).not.toMatch(/op:/);
  });

  it('the agent hears of what cannot get better by itself before what can', async () => {
    const { broker, vault } = await arrange();
    const slow = (retryAfter: number) => new FlowError('rate-limited', 'slow down', { retryAfter });
    vault.broken.set('op://Agents/OpenAI/credential', slow(3));
    vault.broken.set('op://Agents/GitHub/token', slow(7));
    expect((await refusalOf(broker.secrets(codex, ['openai.api_key', 'github.token', 'short.key']))).toJSON()).toEqual({
      code: 'upstream-unavailable',
      status: 503,
      names: ['openai.api_key', 'github.token'],
      retryAfter: 7,
    });
    vault.broken.set('op://Agents/GitHub/write token', new FlowError('ambiguous', 'two of them'));
    expect((await refusalOf(broker.secrets(codex, ['openai.api_key', 'github.write_token']))).toJSON()).toEqual({
      code: 'upstream-refused',
      status: 502,
      names: ['github.write_token'],
    });
  });

  it('what is within its lease is served, and what is not says when to come again', async () => {
    const { broker, vault, clock } = await arrange();
    await broker.secrets(codex, ['openai.api_key']);
    vault.down = down;
    clock.pass(800);
    expect((await broker.secrets(codex, ['openai.api_key'])).cached).toBe(true);
    expect((await refusalOf(broker.secrets(codex, ['openai.api_key', 'github.token']))).toJSON()).toEqual({
      code: 'upstream-unavailable',
      status: 503,
      names: ['github.token'],
    });
    expect((await refusalOf(broker.secrets(codex, ['github.token']))).toJSON()).toMatchObject({ retryAfter: 1 });
    clock.pass(100);
    expect((await refusalOf(broker.secrets(codex, ['openai.api_key']))).code).toBe('upstream-unavailable');
  });

  it('a loop that asks for what fails does not drain the quota', async () => {
    const { broker, vault, clock } = await arrange();
    vault.broken.set('op://Agents/OpenAI/credential', new FlowError('not-found', 'no such field'));
    for (let second = 0; second < 3_600; second += 1) {
      clock.pass(1);
      await refusalOf(broker.secrets(as('other'), ['openai.api_key']));
    }
    expect(vault.batches.length).toBeLessThan(70);
    vault.broken.clear();
    clock.pass(60);
    await broker.secrets(codex, ['openai.api_key']);
  });

  it('a failure of one name is not another one’s', async () => {
    const { broker, vault } = await arrange();
    vault.broken.set('op://Agents/GitHub/token', new FlowError('denied', 'no'));
    await refusalOf(broker.secrets(codex, ['openai.api_key', 'github.token']));
    expect((await broker.secrets(codex, ['openai.api_key'])).cached).toBe(true);
  });

  it('where the trail cannot be written nothing is given, and it is again when it can', async () => {
    const { broker, trail } = await arrange();
    trail.broken = true;
    expect((await refusalOf(broker.secrets(codex, ['openai.api_key']))).toJSON()).toEqual({
      code: 'audit-unavailable',
      status: 503,
    });
    expect((await refusalOf(broker.secrets(codex, ['stripe.live_key']))).code).toBe('audit-unavailable');
    trail.broken = false;
    expect((await broker.secrets(codex, ['openai.api_key'])).cached).toBe(true);
  });

  it('no answer leaves before its record is on disk', async () => {
    const { broker, trail } = await arrange();
    const flushed = Promise.withResolvers<void>();
    trail.gate = flushed.promise;
    let answered = 0;
    const both = [
      broker.secrets(codex, ['openai.api_key']).then(() => (answered += 1)),
      refusalOf(broker.secrets(codex, ['stripe.live_key'])).then(() => (answered += 1)),
    ];
    await settle();
    await settle();
    expect(answered).toBe(0);
    flushed.resolve();
    await Promise.all(both);
    expect(answered).toBe(2);
  });
});

describe('rates', () => {
  it('of an agent count every request, whatever becomes of it', async () => {
    const { broker, clock, trail } = await arrange();
    const quick = as('quick');
    await broker.secrets(quick, ['openai.api_key']);
    await refusalOf(broker.secrets(quick, ['stripe.live_key']));
    await refusalOf(broker.token(quick, 'nothing', {}));
    expect((await refusalOf(broker.secrets(quick, ['openai.api_key']))).toJSON()).toEqual({
      code: 'rate-limited',
      status: 429,
      retryAfter: 20,
    });
    expect(trail.last()).toMatchObject({ outcome: 'denied', code: 'rate-limited', detail: 'rate of the agent' });
    await broker.secrets(codex, ['openai.api_key']);
    clock.pass(20);
    await broker.secrets(quick, ['openai.api_key']);
    expect((await refusalOf(broker.flows(quick))).code).toBe('rate-limited');
  });

  it('fill no disk where an agent does not heed them: what is far beyond is counted in one line', async () => {
    const { broker, clock, trail } = await arrange();
    for (let index = 0; index < 3; index += 1) await broker.flows(as('quick'));
    const before = trail.events.length;
    const flood = Array.from({ length: 400 }, async (_, index) =>
      refusalOf(broker.secrets(as('quick', { request: `r-${index}` }), ['openai.api_key'])),
    );
    await settle();
    expect(trail.events.length - before).toBe(100);
    // nobody else waits for that
    await broker.secrets(codex, ['openai.api_key']);
    clock.pass(1);
    const refusals = await Promise.all(flood);
    expect(trail.events.length - before).toBe(102);
    expect(trail.last()).toMatchObject({
      agent: 'quick',
      code: 'rate-limited',
      request: 'r-100',
      detail: expect.stringContaining('256 requests'),
    });
    const codes = refusals.map(({ code }) => code);
    expect(codes.filter((code) => code === 'rate-limited')).toHaveLength(356);
    expect(codes.filter((code) => code === 'overloaded')).toHaveLength(44);
    expect(refusals.filter(({ recordedAs }) => recordedAs === 'r-100')).toHaveLength(256);
  });

  it('of a secret hold for all agents together, and are not taken where another one is missing', async () => {
    const { broker, rewrite } = await arrange();
    rewrite({ policy: policy.replace('short.key]', 'short.key, limited.key]') });
    await broker.secrets(codex, ['limited.key']);
    await refusalOf(broker.secrets(codex, ['limited.key', 'stripe.live_key']));
    await broker.secrets(as('other'), ['limited.key']);
    expect((await refusalOf(broker.secrets(codex, ['openai.api_key', 'limited.key']))).toJSON()).toEqual({
      code: 'rate-limited',
      status: 429,
      names: ['limited.key'],
      retryAfter: 30,
    });
    await broker.secrets(codex, ['openai.api_key']);
  });

  it('survive a reload of policy', async () => {
    const { broker, rewrite } = await arrange();
    for (let index = 0; index < 3; index += 1) await broker.secrets(as('quick'), ['openai.api_key']);
    rewrite({ policy: `${policy}# changed\n` });
    expect((await refusalOf(broker.secrets(as('quick'), ['openai.api_key']))).code).toBe('rate-limited');
    rewrite({ policy: policy.replace('3/minute', '5/minute') });
    await broker.secrets(as('quick'), ['openai.api_key']);
    await broker.secrets(as('quick'), ['openai.api_key']);
    expect((await refusalOf(broker.secrets(as('quick'), ['openai.api_key']))).code).toBe('rate-limited');
  });
});
