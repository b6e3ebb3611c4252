import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it, test } from 'vitest';
import { FlowError } from '../../../../src/foundation/errors.ts';
import { Secret } from '../../../../src/foundation/secret.ts';
import type { Vault, VaultItems } from '../../../../src/adapters/vaults/contract.ts';
import { createGovernor, type GovernorOptions } from '../../../../src/adapters/vaults/governor/governor.ts';
import { openLedger } from '../../../../src/adapters/vaults/governor/ledger.ts';
import type { QuotaEvent, VaultQuota } from '../../../../src/adapters/vaults/quota.ts';
import { codeOf, ref, told } from '../../../contracts/vault.ts';

const folder = mkdtempSync(join(tmpdir(), 'governor-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const start = 1_800_000_000_000;
const hour = 3_600_000;
const world = { now: start, file: '' };
let files = 0;
beforeEach(() => {
  files += 1;
  world.now = start;
  world.file = join(folder, `${files}.sqlite`);
});

/** A service whose every call costs some requests, and does what the test says. */
function service() {
  const state = {
    requests: 0,
    cost: 1,
    calls: 0,
    answer: (_reference: string): Secret | FlowError => new Secret('value'),
    fail: undefined as FlowError | undefined,
    gate: undefined as Promise<void> | undefined,
  };
  // each process has a counter of its own
  const connect = (): Vault => {
    let requests = 0;
    const call = async <T>(give: () => T): Promise<T> => {
      state.calls += 1;
      state.requests += state.cost;
      requests += state.cost;
      const { fail } = state;
      await state.gate;
      if (fail !== undefined) throw fail;
      return give();
    };
    const none = (): never => {
      throw new FlowError('not-found', 'nothing');
    };
    const items: VaultItems = {
      get: () => call(none),
      find: () => call(() => []),
      vaults: () => call(() => []),
      list: () => call(() => []),
      createAll: () => call(() => undefined),
      createLogin: () => call(none),
      setOneTimePassword: () => call(none),
      setFields: () => call(none),
      archive: () => call(() => undefined),
    };
    return {
      address: 'https://acme.1password.com',
      read: (references) =>
        call(() => new Map(references.map((each) => [each.toString(), state.answer(each.toString())]))),
      items,
      requests: () => requests,
      close: () => Promise.resolve(),
    };
  };
  return { state, connect };
}

const limits = { hour: 100, hourWrites: 10, day: 300 };
const password = 'op://Agents/One/password';

const quotaOfOne: VaultQuota = {
  identity: () => Promise.resolve({ token: 'one', account: 'acme' }),
  limits,
  reserve: 0.1,
  cost: { signIn: 5, batch: 50 },
};

/** @param quota instead of what the vault tells; null: it tells none */
function open(vault: Vault, quota: Partial<VaultQuota> | null = {}, more: Partial<GovernorOptions> = {}) {
  const events: QuotaEvent[] = [];
  const warnings: string[] = [];
  const limited = quota === null ? vault : { ...vault, quota: { ...quotaOfOne, ...quota } };
  const governor = createGovernor(limited, {
    ledger: world.file,
    now: () => world.now,
    random: () => 0,
    warn: (line) => warnings.push(line),
    onEvent: (event) => events.push(event),
    ...more,
  });
  const read = async (text = password, through: Vault = governor) => {
    try {
      return told((await through.read([ref(text)])).get(text));
    } catch (error) {
      return error instanceof FlowError ? `! ${error.code}` : String(error);
    }
  };
  return { governor, read, events, warnings, states: () => events.map(({ state }) => state) };
}

const failure = (code: 'unavailable' | 'rate-limited' | 'denied' | 'timeout', retryAfter?: number) =>
  new FlowError(code, 'no', retryAfter === undefined ? {} : { retryAfter });

describe('a quota', () => {
  it('is not used up: a share stays for break-glass flows, and what is out of the hour is free again', async () => {
    const { state, connect } = service();
    const { governor, read, states } = open(connect());
    while ((await read()) === 'value') expect(state.requests).toBeLessThanOrEqual(90);
    expect(state.requests).toBeGreaterThan(80);
    expect(await read()).toBe('! rate-limited');
    await expect(governor.read([ref(password)])).rejects.toMatchObject({ retryAfter: 3_900 });
    const calm = state.requests;
    for (let index = 0; index < 50; index += 1) await read();
    expect(state.requests).toBe(calm);
    while ((await read(password, governor.urgent)) === 'value') expect(state.requests).toBeLessThanOrEqual(100);
    expect(state.requests).toBeGreaterThan(95);
    expect(states()).toEqual(['exhausted']);
    world.now += 3_900_000;
    expect(await read()).toBe('value');
    expect(states()).toEqual(['exhausted', 'available']);
    await governor.close();
  });

  it('of a day holds for all tokens of the account', async () => {
    const { state, connect } = service();
    const first = open(connect());
    const second = open(connect(), { identity: () => Promise.resolve({ token: 'two', account: 'acme' }) });
    const other = open(connect(), { identity: () => Promise.resolve({ token: 'three', account: 'other' }) });
    for (let at = 0; at < 8; at += 1) {
      for (let index = 0; index < 60; index += 1) {
        await first.read();
        await second.read();
      }
      world.now += hour;
    }
    expect(state.requests).toBeGreaterThan(260);
    expect(state.requests).toBeLessThanOrEqual(270);
    expect(await second.read()).toBe('! rate-limited');
    expect(await other.read()).toBe('value');
    await Promise.all([first, second, other].map(({ governor }) => governor.close()));
  });

  it('for writing is one of its own', async () => {
    const { state, connect } = service();
    state.cost = 2;
    const { governor, read } = open(connect());
    const item = { reference: ref('op://Agents/One') } as never;
    const codes = [];
    for (let index = 0; index < 12; index += 1) codes.push(await codeOf(governor.items?.archive(item) ?? read()));
    expect(codes).toEqual([
      ...Array.from({ length: 9 }, () => 'no error'),
      ...Array.from({ length: 3 }, () => 'rate-limited'),
    ]);
    expect(await read()).toBe('value');
    expect(await codeOf(governor.urgent.items?.archive(item) ?? read())).toBe('no error');
    expect(governor.usage()).toMatchObject({ used: { hourWrites: 10, hour: 12, day: 22 }, circuit: 'closed' });
    await governor.close();
  });

  it('counts what was really asked, whatever was expected', async () => {
    const { state, connect } = service();
    const { governor, read } = open(connect());
    state.cost = 7;
    for (let index = 0; index < 5; index += 1) await read();
    expect(governor.usage()?.used).toEqual({ hour: 35, hourWrites: 0, day: 35 });
    await Promise.all(Array.from({ length: 5 }, () => read()));
    expect(governor.usage()?.used.hour).toBe(70);
    await governor.close();
  });

  it('is one for all processes, and the ledger is for this user alone', async () => {
    const { state, connect } = service();
    const all = Array.from({ length: 4 }, () => open(connect()));
    for (let index = 0; index < 40; index += 1) await Promise.all(all.map(({ read }) => read()));
    expect(state.requests).toBeGreaterThan(80);
    expect(state.requests).toBeLessThanOrEqual(90);
    expect(statSync(world.file).mode & 0o777).toBe(0o600);
    await Promise.all(all.map(({ governor }) => governor.close()));
  });

  // a real crash loop made 281,000 requests in a day, and locked a whole account
  test.each<[string, (state: ReturnType<typeof service>['state']) => void]>([
    ['fails at sign-in', (state) => void (state.fail = failure('denied'))],
    ['is told that it is too much', (state) => void (state.fail = failure('rate-limited'))],
    ['finds nothing', (state) => void (state.answer = () => new FlowError('not-found', 'no such item'))],
    ['reads what it wants, and fails later', () => undefined],
  ])('holds for a service that %s, ends, and is started again, for two days', async (_, arrange) => {
    const { state, connect } = service();
    state.cost = 8;
    arrange(state);
    const perDay: number[] = [];
    for (let step = 0; step < 2 * 480; step += 1) {
      const { governor, read } = open(connect(), { limits: { hour: 1_000, hourWrites: 100, day: 1_000 } });
      for (let again = 0; again < 3; again += 1) await read();
      await governor.close();
      perDay[Math.floor(step / 480)] = state.requests - (step < 480 ? 0 : (perDay[0] ?? 0));
      world.now += 180_000;
    }
    expect(perDay[0]).toBeGreaterThan(500);
    expect(Math.max(...perDay)).toBeLessThanOrEqual(908); // the last call may cost a little more than was expected
  });

  it('counts requests of a process that was killed on the way', async () => {
    const { state, connect } = service();
    state.gate = new Promise(() => undefined);
    for (let index = 0; index < 40; index += 1) void open(connect()).read();
    await expect.poll(() => state.calls).toBeGreaterThan(10);
    await expect.poll(async () => open(connect()).read()).toBe('! rate-limited');
    // each is charged what it may have taken at most: a sign-in and a read
    expect(state.calls).toBeLessThanOrEqual(90 / 7);
  });
});

describe('failures', () => {
  it('in a row make it wait, longer and longer, with one probe at a time', async () => {
    const { state, connect } = service();
    const { governor, read, states } = open(connect());
    state.fail = failure('unavailable');
    for (let index = 0; index < 5; index += 1) expect(await read()).toBe('! unavailable');
    expect(state.calls).toBe(5);
    expect([await read(), await read()]).toEqual(['! unavailable', '! unavailable']);
    expect(state.calls).toBe(5);
    expect(governor.usage()?.circuit).toBe('open');
    world.now += 2_000;
    expect(governor.usage()?.circuit).toBe('half-open');
    await Promise.all([read(), read(), read()]);
    expect(state.calls).toBe(6);
    world.now += 3_999;
    await read();
    expect(state.calls).toBe(6);
    world.now += 1;
    state.fail = undefined;
    expect(await read()).toBe('value');
    expect(await read()).toBe('value');
    expect(governor.usage()?.circuit).toBe('closed');
    expect(states()).toEqual(['open', 'closed']);
    await governor.close();
  });

  it('are known to the next process', async () => {
    const { state, connect } = service();
    state.fail = failure('rate-limited', 120);
    const first = open(connect());
    expect(await first.read()).toBe('! rate-limited');
    await first.governor.close();
    const next = open(connect());
    await expect(next.governor.read([ref(password)])).rejects.toMatchObject({ code: 'rate-limited', retryAfter: 120 });
    expect(state.calls).toBe(1);
    expect(next.events).toMatchObject([{ state: 'open', code: 'rate-limited', retryAfter: 120 }]);
    state.fail = undefined;
    expect(await next.read(password, next.governor.urgent)).toBe('value'); // break-glass asks whatever failed before
    world.now += 120_000;
    expect(await next.read()).toBe('value');
    await next.governor.close();
  });

  it('of calls that were under way together are one', async () => {
    const { state, connect } = service();
    const { governor, read } = open(connect());
    await read();
    let release: () => void = () => undefined;
    state.gate = new Promise((resolve) => {
      release = resolve;
    });
    state.fail = failure('timeout');
    const all = Array.from({ length: 8 }, () => read());
    await expect.poll(() => state.calls).toBe(9);
    world.now += 1_000;
    release();
    expect(await Promise.all(all)).toEqual(Array.from({ length: 8 }, () => '! timeout'));
    expect(governor.usage()?.circuit).toBe('closed');
    await governor.close();
  });

  it('of a write leave reading alone, and those of reading stop both', async () => {
    const { state, connect } = service();
    const { governor, read } = open(connect());
    const archive = () => codeOf(governor.items?.archive({ reference: ref('op://Agents/One') } as never) ?? read());
    state.fail = failure('rate-limited');
    expect(await archive()).toBe('rate-limited');
    state.fail = undefined;
    expect(await read()).toBe('value');
    expect([await archive(), state.calls]).toEqual(['rate-limited', 2]);
    world.now += 30_000;
    expect(await archive()).toBe('no error');
    state.fail = failure('rate-limited');
    expect(await read()).toBe('! rate-limited');
    state.fail = undefined;
    expect([await archive(), await read(), state.calls]).toEqual(['rate-limited', '! rate-limited', 4]);
    await governor.close();
  });

  it('of a vault that tells no quota are minded by this process, and no call is counted', async () => {
    const { state, connect } = service();
    const { governor, read } = open(connect(), null);
    for (let index = 0; index < 1_000; index += 1) expect(await read()).toBe('value');
    state.answer = () => new FlowError('not-found', 'no such item');
    expect([await read(), await read(), state.calls]).toEqual(['not-found', 'not-found', 1_001]);
    state.fail = failure('unavailable');
    for (let index = 0; index < 10; index += 1) await read('op://Agents/Two/password');
    expect([governor.usage()?.circuit, state.calls]).toEqual(['open', 1_006]);
    expect(await open(connect(), null).read()).toBe('! unavailable');
    expect(state.calls).toBe(1_007);
    expect(() => statSync(world.file)).toThrow(/ENOENT/);
    await governor.close();
  });

  it('of a denied token are of the service, whatever was asked for; of a denied item they are not', async () => {
    const { state, connect } = service();
    const { governor, read } = open(connect(), { limits: undefined });
    const get = () => codeOf(governor.items?.get(ref('op://Agents/One')) ?? read());
    state.fail = new FlowError('denied', 'no', { about: 'subject' }).at({ subject: 'op://Agents/One' });
    for (let index = 0; index < 6; index += 1) expect(await get()).toBe('denied');
    expect([governor.usage()?.circuit, state.calls]).toEqual(['closed', 6]);
    state.fail = new FlowError('denied', 'no').at({ subject: 'op://Agents/One' });
    for (let index = 0; index < 6; index += 1) expect(await get()).toBe('denied');
    expect([governor.usage()?.circuit, state.calls]).toEqual(['open', 11]);
    await governor.close();
  });

  it('about one item are none of the service', async () => {
    const { state, connect } = service();
    const { governor, read } = open(connect());
    for (let index = 0; index < 10; index += 1) {
      expect(await codeOf(governor.items?.get(ref('op://Agents/None')) ?? read())).toBe('not-found');
    }
    expect(governor.usage()?.circuit).toBe('closed');
    expect(state.calls).toBe(10);
    await governor.close();
  });
});

describe('what is not there', () => {
  it('is not asked for again at once', async () => {
    const { state, connect } = service();
    const { governor, read } = open(connect(), { limits: undefined });
    state.answer = (reference) =>
      reference === password ? new FlowError('not-found', 'no such item') : new Secret('value');
    for (let second = 0; second < 3_600; second += 1) {
      expect(await read()).toBe('not-found');
      world.now += 1_000;
    }
    expect(state.calls).toBeLessThan(70);
    const both = await governor.read([ref(password), ref('op://Agents/Two/password')]);
    expect([...both.values()].map(told)).toEqual(['not-found', 'value']);
    const before = state.calls;
    expect(await read(password, governor.urgent)).toBe('not-found');
    expect(state.calls).toBe(before + 1);
    await governor.close();
  });

  it('is asked for after a write, which may have made it', async () => {
    const { state, connect } = service();
    const { governor, read } = open(connect());
    state.answer = () => new FlowError('not-found', 'no such item');
    expect(await read()).toBe('not-found');
    await governor.items?.archive({ reference: ref('op://Agents/One') } as never);
    state.answer = () => new Secret('value');
    expect(await read()).toBe('value');
    await governor.close();
  });
});

describe('the ledger', () => {
  it('is not waited for while another process is at it, and has all that was counted in the end', async () => {
    const { state, connect } = service();
    const { governor, read, warnings } = open(connect());
    const { DatabaseSync } = await import('node:sqlite');
    const other = new DatabaseSync(world.file);
    other.exec('begin immediate');
    const began = performance.now();
    expect(await read()).toBe('value');
    expect(performance.now() - began).toBeLessThan(1_000);
    other.exec('commit');
    expect(await read()).toBe('value');
    other.exec('begin immediate');
    expect(await read()).toBe('value');
    other.exec('rollback');
    await governor.close();
    expect(warnings).toEqual([]);
    const all = other.prepare("select sum(count) as sum from usage where scope = 'one'").get();
    expect(all).toMatchObject({ sum: state.requests });
    other.close();
  });

  test.each([
    ['is damaged', () => writeFileSync(world.file, 'x'.repeat(8_192))],
    ['is cut off', () => writeFileSync(world.file, 'SQLite format 3\0')],
  ])('that %s is begun anew, and told', async (_, damage) => {
    damage();
    const { state, connect } = service();
    const first = open(connect());
    expect(await first.read()).toBe('value');
    expect(first.warnings).toHaveLength(1);
    await first.governor.close();
    const second = open(connect());
    await second.read();
    expect(second.warnings).toEqual([]);
    expect(second.governor.usage()?.used.hour).toBe(2);
    expect(state.calls).toBe(2);
    await second.governor.close();
  });

  it('that cannot be opened is done without', async () => {
    const { state, connect } = service();
    const blocked = join(folder, 'file');
    writeFileSync(blocked, '');
    const { governor, read, warnings } = open(connect(), {}, { ledger: join(blocked, 'ledger.sqlite') });
    while ((await read()) === 'value') expect(state.requests).toBeLessThanOrEqual(90);
    expect(warnings).toHaveLength(1);
    await governor.close();
  });

  it('of a clock that is set back an hour lets no more through', async () => {
    const { state, connect } = service();
    const { governor, read } = open(connect());
    while ((await read()) === 'value');
    const before = state.requests;
    world.now -= hour;
    expect(await read()).toBe('! rate-limited');
    expect(state.requests).toBe(before);
    await governor.close();
  });

  it('forgets what counts no more, also while it is open', async () => {
    const ledger = await openLedger(world.file, { now: start, warn: () => undefined });
    for (let bucket = start; bucket < start + 40 * 24 * hour; bucket += 300_000) {
      ledger.transaction(() => ledger.add('one', 'read', bucket, 1));
    }
    expect(ledger.buckets('one', 'read').length).toBeLessThan(300);
    ledger.close();
    const back = await openLedger(world.file, { now: start, warn: () => undefined });
    expect(back.buckets('one', 'read')).toEqual([]);
    back.close();
  });

  it('is not opened before the first call, and counts nothing for a token that is none', async () => {
    const { state, connect } = service();
    const { governor, read } = open(connect(), { identity: () => Promise.resolve(undefined) });
    expect(governor.usage()).toBeUndefined();
    for (let index = 0; index < 200; index += 1) await read();
    expect([state.calls, governor.usage()]).toEqual([200, undefined]);
    expect(() => statSync(world.file)).toThrow(/ENOENT/);
    await governor.close();
  });
});
