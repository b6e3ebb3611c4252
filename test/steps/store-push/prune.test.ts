import { DeleteSecretCommand, PutSecretValueCommand, TagResourceCommand } from '@aws-sdk/client-secrets-manager';
import { afterEach, describe, expect, test } from 'vitest';
import { awsRules } from '../../../src/adapters/stores/aws-secrets-manager/rules.ts';
import { FlowError } from '../../../src/foundation/errors.ts';
import { problemsOf } from '../../../src/steps/store-push/input-problems.ts';
import { startStack } from '../../adapters/stores/aws-secrets-manager/stack.ts';
import { type Entry, memoryVault, pusher, ref } from './harness.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const a = ref('op://Vault/A/field');
const entries = (...names: readonly string[]): readonly Entry[] => names.map((name) => ({ name, value: a }));
const five = entries('app/a', 'app/b', 'app/c', 'app/d', 'app/e');
const four = five.slice(0, 4);
const year = 365 * 86_400_000;

async function start(options: Parameters<typeof startStack>[0] = {}) {
  let at = Date.now();
  const stack = await startStack({ now: () => at, ...options }, { now: () => at });
  closing.push(() => stack.close());
  const vault = memoryVault({ [a.toString()]: 'canary-A' });
  const push = pusher(stack.store, vault);
  push.prune();
  await push.run(five);
  const secret = (name: string) => stack.aws.dump().find((each) => each.name === name);
  const deleted = () =>
    stack.aws
      .dump()
      .filter((each) => each.deleted)
      .map(({ name }) => name);
  /** what was pushed is no longer of the last ten minutes, and what is due is done */
  const later = (milliseconds: number) => void (at += milliseconds);
  return { ...stack, vault, ...push, secret, deleted, later };
}

const codeOf = async (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error: unknown) => (error instanceof FlowError ? error.code : String(error)),
  );
const rows = async (plan: Promise<{ changes: readonly { action: string; what: string }[] }>) =>
  (await plan).changes.filter(({ action }) => action !== 'none').map(({ action, what }) => `${action} ${what}`);

describe('a push with prune: true', () => {
  test('schedules what it does not declare any more for deletion, with a time to take it back, and says so before', async () => {
    const { plan, run, counter, deleted, secret, later } = await start();
    const calls = counter();
    expect(await plan(four)).toMatchObject({
      changes: [
        ...four.map(() => ({ action: 'none' })),
        { action: 'remove', what: 'secret "app/e"', detail: 'not declared any more; can be taken back for 30 days' },
      ],
    });
    expect(calls()).toEqual({ ListSecrets: 2, DescribeSecret: 1 });
    const { removed, counts } = await run(four);
    expect([removed, counts]).toEqual([
      [{ name: 'app/e', arn: secret('app/e')?.arn }],
      { create: 0, adopt: 0, update: 0, none: 4 },
    ]);
    expect(calls()).toEqual({ ListSecrets: 2, DescribeSecret: 1, DeleteSecret: 1 });
    expect(deleted()).toEqual(['app/e']);
    // and no more of it, nor of anything else
    expect(await plan(four)).toMatchObject({ output: { removed: [] } });
    expect((await run(four)).removed).toEqual([]);
    expect(calls()).toEqual({ ListSecrets: 4 });
    later(29 * 86_400_000);
    await run(four);
    expect(secret('app/e')).toBeDefined();
    later(2 * 86_400_000);
    await run(four);
    expect(secret('app/e')).toBeUndefined();
  });

  test('restores it, and writes what differs, where it is declared again', async () => {
    const { plan, run, current, deleted, vault } = await start();
    await run(four);
    expect(await rows(plan(five))).toEqual(['restore secret "app/e"']);
    expect((await run(five)).counts).toEqual({ create: 0, adopt: 0, update: 1, none: 4 });
    expect([deleted(), current('app/e')]).toEqual([[], 'canary-A']);
    await run(four);
    vault.values[a.toString()] = 'canary-B';
    expect((await run(five)).changed.map(({ name }) => name)).toContain('app/e');
    expect([deleted(), current('app/e')]).toEqual([[], 'canary-B']);
    expect(await rows(plan(five))).toEqual([]);
  });

  test('held back, it is restored all the same, and its new value is pending', async () => {
    const { run, hold, promote, current, deleted, vault } = await start();
    await run(four);
    hold();
    vault.values[a.toString()] = 'canary-B';
    const { pending } = await run(five);
    expect([deleted(), current('app/e')]).toEqual([[], 'canary-A']);
    await run(four);
    expect(deleted()).toEqual(['app/e']);
    await run(five);
    expect(deleted()).toEqual([]);
    await promote.run(pending);
    expect(current('app/e')).toBe('canary-B');
  });

  test('never touches what another step, environment or key has pushed, what is not pushed, or what someone wrote since', async () => {
    const { store, vault, run, plan, client, deleted, aws } = await start();
    const others = [
      { of: { step: 'other' }, name: 'app/step' },
      { of: { flow: 'other' }, name: 'app/flow' },
      { of: { environment: 'other' }, name: 'app/environment' },
      { of: {}, name: 'app/key' },
    ];
    for (const { of, name } of others) {
      const push = pusher(store, vault);
      push.prune();
      push.as(of);
      await push.run(entries(name));
    }
    const plain = pusher(store, vault);
    await plain.run(entries('app/plain'));
    // someone gives another secret our mark
    const mark = aws.dump().find(({ name }) => name === 'app/e')?.tags['flows-owner'] ?? '';
    expect(mark).toMatch(/^[\w-]{43}$/);
    const Tags = [{ Key: 'flows-owner', Value: mark }];
    await client.send(new TagResourceCommand({ SecretId: 'app/plain', Tags }));
    await client.send(new PutSecretValueCommand({ SecretId: 'app/e', SecretString: 'theirs' }));
    expect(await rows(plan(four))).toEqual([]);
    const left = (await plan(four)).changes.filter(({ detail }) => detail?.includes('and left') === true);
    expect(left.map(({ what }) => what)).toEqual(['secret "app/e"', 'secret "app/plain"']);
    await run(four);
    expect(deleted()).toEqual([]);
  });

  test('leaves what another step declares now, whether that prunes or not', async () => {
    const { store, vault, run, deleted, useKeys } = await start();
    const keys = [new Uint8Array(32)] as const;
    useKeys(...keys);
    await run(five, ['adopt']);
    const other = pusher(store, vault);
    other.useKeys(...keys);
    other.as({ flow: 'other' });
    expect((await other.run(entries('app/e'))).counts.update).toBe(1);
    expect((await other.run(entries('app/e'))).counts.none).toBe(1);
    await run(four);
    expect(deleted()).toEqual([]);
  });

  test('under a new key, what was pushed under the old one is still its own', async () => {
    const { run, deleted, useKeys } = await start();
    useKeys(new Uint8Array(32).fill(1));
    await run(five, ['adopt']);
    useKeys(new Uint8Array(32).fill(2), new Uint8Array(32).fill(1));
    await run(four);
    expect(deleted()).toEqual(['app/e']);
  });

  test('is refused as a whole where more than half would go, and --prune-most deletes it', async () => {
    const { plan, run, deleted, said } = await start();
    const two = [...five.slice(0, 2), ...entries('app/new')];
    expect(await rows(plan(two))).toEqual([
      'create secret "app/new"',
      'conflict secret "app/c"',
      'conflict secret "app/d"',
      'conflict secret "app/e"',
    ]);
    expect(await codeOf(run(two))).toBe('conflict');
    expect(deleted()).toEqual([]);
    expect(said).toContainEqual(expect.stringContaining('3 of the 5 that this step has pushed: --prune-most'));
    expect(await codeOf(run(five.slice(0, 3)))).toBe('done');
    expect(deleted()).toEqual(['app/d', 'app/e']);
    await run(two, ['prune-most']);
    expect(deleted()).toEqual(['app/c', 'app/d', 'app/e']);
  });

  test('does nothing on a part of the list: a page that is missing or refused ends it before a write', async () => {
    const { aws, run, deleted, counter } = await start();
    const more = [...four, ...entries('app/f')];
    const calls = counter();
    aws.faults.deny('ListSecrets');
    expect(await codeOf(run(more))).toBe('denied');
    expect(deleted()).toEqual([]);
    expect(calls()['CreateSecret']).toBeUndefined();
  });

  test('goes by all pages of the list, however short they are', async () => {
    const { aws, run, deleted } = await start();
    aws.faults.pages(100, 0, 1, 2);
    await run([...four, ...entries('app/f')]);
    expect(deleted()).toEqual(['app/e']);
  });

  test('deletes nothing where a write failed', async () => {
    const { aws, run, deleted } = await start();
    aws.faults.deny('CreateSecret');
    expect(await codeOf(run([...four, ...entries('app/f')]))).toBe('denied');
    expect(deleted()).toEqual([]);
  });

  test('a list that lags neither deletes twice nor takes what is being deleted for what is there', async () => {
    const { aws, plan, run, deleted, client, later } = await start();
    later(600_001);
    aws.faults.listLag(300_000);
    await run(four);
    expect(await rows(plan(four))).toEqual([]);
    expect(await rows(plan(five))).toEqual(['restore secret "app/e"']);
    await run(five);
    expect(deleted()).toEqual([]);
    expect(await rows(plan(five))).toEqual([]);
    await client.send(new DeleteSecretCommand({ SecretId: 'app/e' }));
    expect((await run(four)).removed).toEqual([]);
  });

  test.each(['DeleteSecret', 'RestoreSecret'] as const)(
    'an answer to %s that is lost is no failure',
    async (operation) => {
      const { aws, run, deleted } = await start();
      if (operation === 'RestoreSecret') await run(four);
      aws.faults.loseAnswer(operation);
      await run(operation === 'RestoreSecret' ? five : four);
      expect(deleted()).toEqual(operation === 'RestoreSecret' ? [] : ['app/e']);
    },
  );

  test('stopped at any call, it is completed by the next run, and no value that is declared is ever gone', async () => {
    const old = entries('app/x', 'app/y', 'app/z');
    for (let last = 1; ; last += 1) {
      const { aws, run, deleted, current, vault } = await start();
      await run([...five, ...old]);
      await run([...four, ...old.slice(0, 2)]);
      vault.values[a.toString()] = 'canary-B';
      const stop = new AbortController();
      let calls = 0;
      aws.faults.watch(() => void ((calls += 1) === last && stop.abort()));
      const next = [...five, ...old.slice(2)];
      const ended = await codeOf(run(next, [], false, stop.signal));
      aws.faults.watch(() => undefined);
      expect(deleted().filter((name) => four.some((each) => each.name === name))).toEqual([]);
      await run(next);
      expect(deleted()).toEqual(['app/x', 'app/y']);
      expect(next.map(({ name }) => current(name))).toEqual(next.map(() => 'canary-B'));
      if (ended === 'done' && calls < last) return;
      expect(last).toBeLessThan(60);
    }
  });

  test('never deletes by itself: without prune, what is not declared any more stays', async () => {
    const { store, vault, later } = await start();
    const push = pusher(store, vault);
    expect((await push.run(entries('app/p', 'app/q'))).removed).toEqual([]);
    later(year);
    const { changes } = await push.plan(entries('app/p'));
    expect(changes.map(({ action }) => action)).toEqual(['none']);
  });

  test('leaves room for its own tag, or says that there is none before anything is asked', async () => {
    const { run, counter } = await start();
    const calls = counter();
    const tags = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, '']));
    const tagged = (count: number) => five.map(({ name }) => ({ name, value: a, tags: tags(count) }));
    expect(await codeOf(run(tagged(50)))).toBe('invalid');
    expect(calls()).toEqual({});
    expect(await codeOf(run(tagged(49)))).toBe('done');
    expect(problemsOf(tagged(50), 'in part', awsRules, true).map(({ key }) => key)).toEqual(
      five.map((_, index) => `secrets[${index}].tags`),
    );
    expect(problemsOf(tagged(50), 'in part', awsRules)).toEqual([]);
  });

  test('a store that can take no deletion back is refused', async () => {
    const { store, vault } = await start();
    const { deletion: _, ...simple } = store;
    const push = pusher(simple, vault);
    push.prune();
    expect(await codeOf(push.run(four))).toBe('refused');
  });
});
