import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { type AgentRun, BrokerError, type ClientOptions, createClient, type RunOptions } from '../../src/client.ts';
import { createBearer } from '../../src/broker/authentication/bearer-token.ts';
import { sha256 } from '../broker/arrange.ts';
import { arrangeRuns } from '../broker/agent-runs/arrange-runs.ts';
import type { ServeOptions } from '../../src/surfaces/server/http-server.ts';
import { announceBroker } from '../../src/surfaces/server/announcement.ts';
import { own, startStand } from '../surfaces/server/stand.ts';
import { handClock, json, startAnswering } from './stand.ts';

const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const each of ending.splice(0).toReversed()) await each();
});

const bearers = { codex: createBearer().reveal(), other: createBearer().reveal() };
const policy = `default: deny
agents:
  codex: { tokens: ['sha256:${sha256(bearers.codex)}'], allow: [openai.api_key, github.*], flows: [orders-token, read-one] }
  other: { tokens: ['sha256:${sha256(bearers.other)}'], allow: [openai.api_key, github.token] }
`;

/** The real broker and server, and clients of it. */
async function served(more: Partial<ServeOptions> = {}) {
  const arranged = await arrangeRuns({ 'policy.yaml': policy });
  const { broker, authenticator, runs, trail } = arranged;
  const stand = await startStand({ broker, authenticator, agentRuns: runs, ...more });
  ending.push(() => stand.server.close());
  const opened = (more: Partial<ClientOptions> = {}) => {
    const client = createClient({ broker: stand.url, token: bearers.codex, ca: own.cert, ...more });
    ending.push(client.close);
    return client;
  };
  const told = (action: string) => trail.events.filter((each) => each.action === action);
  const finished = () => told('agent-run.finished').map(({ agentRun, detail }) => [agentRun, detail]);
  return { ...arranged, stand, opened, told, finished };
}

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => new TypeError('it did not fail'),
    (error: unknown) => error,
  );
}

describe('work as an agent run', () => {
  test('is proven to be of the run, narrowed to what it may have, and finished', async () => {
    const { opened, trail, finished } = await served();
    const client = opened({ reason: 'of the client' });
    const [id, value] = await client.run(
      async (run) => {
        const { 'github.token': token } = await run.secrets(['github.token']);
        expect(trail.last()).toMatchObject({ agentRun: run.id, reason: 'nightly report', what: ['github.token'] });
        expect(await failureOf(run.secrets(['openai.api_key']))).toMatchObject({ code: 'not-allowed' });
        expect(run).toMatchObject({ root: run.id, parent: undefined });
        expect(run.expiresAt.getTime()).toBe(Date.UTC(2026, 10, 22) + 1_800_000);
        expect(await run.run('read-one').catch((error: unknown) => error)).toMatchObject({ code: 'not-allowed' });
        return [run.id, token.value] as const;
      },
      { allow: ['github.*'], expires: '30m', reason: 'nightly report' },
    );
    expect(value).toContain('canary');
    expect(finished()).toEqual([[id, 'succeeded']]);
    // the client itself is as it was
    expect(await client.secrets(['openai.api_key'])).toHaveProperty(['openai.api_key']);
    expect(trail.last()).toMatchObject({ agentRun: undefined, reason: 'of the client' });
  });

  test('has the reason of its client where it has none of its own', async () => {
    const { opened, trail } = await served();
    await opened({ reason: 'of the client' }).run((run) => run.secrets(['github.token']));
    expect(trail.events.map(({ action, reason }) => [action, reason])).toContainEqual([
      'secrets.resolve',
      'of the client',
    ]);
  });

  test('that throws has failed, with what it threw', async () => {
    const { opened, finished } = await served();
    const fault = new Error('no such repository');
    expect(await failureOf(opened().run(() => Promise.reject(fault)))).toBe(fault);
    const atOnce = () => {
      throw fault;
    };
    expect(await failureOf(opened().run(atOnce))).toBe(fault);
    expect(finished().map(([, outcome]) => outcome)).toEqual(['failed', 'failed']);
  });

  test('whose signal ends is cancelled at once, and what it waits for ends with the same reason', async () => {
    const { opened, finished } = await served();
    const stop = new AbortController();
    const reason = new Error('enough');
    const begun = Promise.withResolvers<AgentRun>();
    const work = opened().run(
      (run) => {
        begun.resolve(run);
        return new Promise<never>(() => undefined);
      },
      { signal: stop.signal },
    );
    const run = await begun.promise;
    stop.abort(reason);
    expect(await failureOf(work)).toBe(reason);
    expect(run.signal.reason).toBe(reason);
    expect(finished()).toEqual([[run.id, 'cancelled']]);
    expect(await failureOf(run.secrets(['github.token']))).toBe(reason);
    const before = AbortSignal.abort(reason);
    expect(await failureOf(opened().run(() => 1, { signal: before }))).toBe(reason);
  });

  test('is over for whoever kept it: nothing is asked, and what it had is forgotten', async () => {
    const { opened, stand } = await served();
    const kept = await opened().run(async (run) => {
      await run.secrets(['github.token']);
      return run;
    });
    expect(kept.signal.aborted).toBe(true);
    const events = stand.events.length;
    expect(await failureOf(kept.secrets(['github.token']))).toMatchObject({ code: 'run-ended' });
    expect(await failureOf(kept.run(() => 1))).toMatchObject({ code: 'run-ended' });
    expect(stand.events).toHaveLength(events);
  });

  test('ends what is begun below it', async () => {
    const { opened, finished } = await served();
    const [child, failure] = await opened().run(async (run) => {
      const begun = Promise.withResolvers<AgentRun>();
      const left = failureOf(
        run.run((below) => {
          begun.resolve(below);
          return new Promise<never>(() => undefined);
        }),
      );
      return [await begun.promise, () => left] as const;
    });
    expect(await failure()).toMatchObject({ code: 'run-ended' });
    expect(child.signal.aborted).toBe(true);
    expect(finished().map(([, outcome]) => outcome)).toEqual(['cancelled', 'succeeded']);
  });

  test('says a word three times as often as it must, and goes on with the next token', async () => {
    const { opened, told } = await served();
    const clock = handClock();
    await opened({ clock }).run(
      async (run) => {
        const first = run.credential();
        const waiting = clock.waiting();
        for (let count = 1; count <= 3; count += 1) {
          clock.pass(30_000);
          // the next word is said after the answer to this one
          await expect.poll(clock.waiting).toBe(waiting);
          await expect.poll(() => told('agent-run.heartbeat').length).toBe(count);
        }
        await expect.poll(() => run.credential()).not.toBe(first);
        await run.secrets(['github.token']);
      },
      { heartbeat: '90s', expires: '2h' },
    );
    clock.pass(3_600_000);
    expect(told('agent-run.heartbeat')).toHaveLength(3);
  });

  test('that the operator ends learns it by its signal, and is told so by what it asks', async () => {
    const { opened, runs, finished } = await served();
    const clock = handClock();
    const result = await opened({ clock }).run(async (run) => {
      await runs.end({ agent: 'local:ann', by: 'operator', request: 'r', address: '127.0.0.1' }, run.id);
      expect(await failureOf(run.secrets(['github.token']))).toMatchObject({ code: 'run-ended', status: 401 });
      clock.pass(300_000);
      await expect.poll(() => run.signal.aborted).toBe(true);
      expect(run.signal.reason).toMatchObject({ code: 'run-ended' });
      return 'what it had';
    });
    expect(result).toBe('what it had');
    expect(finished().map(([, outcome]) => outcome)).toEqual(['cancelled']);
  });

  test('goes on while the broker is away, and is none where none can be begun', async () => {
    const clock = handClock();
    let away = false;
    const stand = await startAnswering(({ path }, response) => {
      if (away) return json(response, { code: 'overloaded' }, 503);
      const begun = { run: 'ar-1', root: 'ar-1', token: 'a.b.c', token_expires_at: 1, expires_at: 2 };
      return json(response, path.endsWith('/finish') ? { ended: 1 } : begun);
    });
    const client = createClient({ broker: stand.url, token: 'agent', ca: own.cert, clock });
    ending.push(stand.close, client.close);
    const words = () => stand.asked.filter(({ path }) => path.endsWith('/heartbeat')).length;
    const work = client.run(
      async (run) => {
        away = true;
        clock.pass(30_000);
        await expect.poll(words).toBe(1);
        // sooner than the usual time
        await expect.poll(() => (clock.pass(7_500), words())).toBeGreaterThan(1);
        return run.signal.aborted;
      },
      { heartbeat: '90s' },
    );
    expect(await work).toBe(false);
    expect(await failureOf(client.run(() => 1))).toMatchObject({ code: 'overloaded' });
    client.close();
    expect(await failureOf(client.run(() => 1))).toMatchObject({ code: 'closed' });
  });

  test('gives a sub-agent less, and another process its token', async () => {
    const { opened, stand, trail } = await served();
    await opened().run(
      async (run) => {
        await run.run(
          async (child) => {
            expect(child).toMatchObject({ root: run.id, parent: run.id });
            expect(child.expiresAt).toEqual(run.expiresAt);
            expect(await failureOf(child.secrets(['github.write_token']))).toMatchObject({ code: 'not-allowed' });
            const process = createClient({ broker: stand.url, token: child.credential(), ca: own.cert });
            ending.push(process.close);
            await process.secrets(['github.token']);
            expect(trail.last()).toMatchObject({ agent: 'codex', agentRun: child.id });
          },
          { allow: ['github.token', 'openai.api_key'], expires: '1d' },
        );
        const other = opened({ token: bearers.other });
        await other.run((below) => below.secrets(['github.token']), { parent: run.credential() });
        expect(trail.events.at(-2)).toMatchObject({ agent: 'other', outcome: 'allowed' });
      },
      { allow: ['github.*'], expires: '10m' },
    );
  });

  test.each<[RunOptions, string]>([
    [{ allow: 'github.*' as never }, 'allow: '],
    [{ expires: '30 minutes' }, 'expires: '],
    [{ expires: '2d' }, 'expires: '],
    [{ heartbeat: 90 as never }, 'heartbeat: '],
    [{ reason: 'x'.repeat(201) }, 'reason: '],
    [{ parent: 1 as never }, 'parent: '],
    [{ dpop: 'yes' as never }, 'dpop: '],
    [{ signal: {} as never }, 'signal: '],
  ])('is not begun with %j', async (options, told) => {
    const client = createClient({ broker: 'http://127.0.0.1:1', token: 'agent' });
    const failure = await failureOf(client.run(() => 1, options));
    expect([failure, String(failure)]).toEqual([expect.any(TypeError), expect.stringContaining(told)]);
  });

  test.each([{}, { run: '../x', root: 'r', token: 't', expires_at: 1 }, { run: 'a', root: 'a', token: 't' }])(
    'is none where the broker answers %j',
    async (answer) => {
      const stand = await startAnswering((_, response) => json(response, answer));
      ending.push(stand.close);
      const client = createClient({ broker: stand.url, token: 'agent', ca: own.cert });
      ending.push(client.close);
      expect(await failureOf(client.run(() => 1))).toMatchObject({ code: 'protocol' });
    },
  );
});

describe('an agent run that is bound to a key', () => {
  test('proves it with each request, and those below it do too', async () => {
    const { opened, stand, trail, told } = await served();
    const clock = { ...handClock(), now: Date.now };
    await opened({ clock }).run(
      async (run) => {
        await run.secrets(['github.token']);
        await run.run((child) => child.token('orders-token'));
        expect(trail.events.map(({ outcome }) => outcome)).not.toContain('denied');
        expect(() => run.credential()).toThrow(TypeError);
      },
      { dpop: true },
    );
    expect(told('agent-run.started')).toHaveLength(2);
    expect(told('agent-run.finished')).toHaveLength(2);
    expect(stand.events.filter(({ action }) => action === 'authenticate')).toEqual([]);
  });

  test('proves it at the socket of this user’s own broker too', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bound-'));
    const before = process.env['XDG_STATE_HOME'];
    process.env['XDG_STATE_HOME'] = folder;
    ending.push(() => {
      if (before === undefined) delete process.env['XDG_STATE_HOME'];
      else process.env['XDG_STATE_HOME'] = before;
      rmSync(folder, { recursive: true, force: true });
    });
    const { opened, stand, trail } = await served({ ownSocket: join(folder, 'own.sock') });
    const { url, socket, ownSocket } = stand.server;
    ending.push(await announceBroker(folder, { pid: process.pid, environment: 'test', url, socket, ownSocket }));
    const clock = { ...handClock(), now: Date.now };
    await opened({ clock, ca: undefined }).run((run) => run.secrets(['github.token']), { dpop: true });
    expect(trail.events.map(({ outcome }) => outcome)).not.toContain('denied');
    expect(trail.events.find(({ action }) => action === 'secrets.resolve')).toMatchObject({ address: 'socket' });
  });

  test('is none where the proof is for another address than the broker’s', async () => {
    const { opened, stand } = await served();
    const between = await startAnswering(async ({ path, headers }, response) => {
      const { authorization = '', dpop = '' } = headers as Record<string, string>;
      const answer = await fetch(`${stand.url}${path}`, { method: 'POST', headers: { authorization, dpop } });
      response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text());
    });
    ending.push(between.close);
    const error = await failureOf(opened({ broker: between.url }).run(() => 1, { dpop: true }));
    expect(error).toBeInstanceOf(BrokerError);
    expect(error).toMatchObject({ code: 'invalid-request', status: 400 });
  });
});
