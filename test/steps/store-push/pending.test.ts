import { PutSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { afterEach, describe, expect, test } from 'vitest';
import { FlowError } from '../../../src/foundation/errors.ts';
import { startStack } from '../../adapters/stores/aws-secrets-manager/stack.ts';
import { type Entry, memoryVault, pusher, ref } from './harness.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const a = ref('op://Vault/A/field');
const secrets: readonly Entry[] = [
  { name: 'app/a', value: a },
  { name: 'app/b', value: { fixed: 'x' } },
];

async function start() {
  const stack = await startStack();
  closing.push(() => stack.close());
  const vault = memoryVault({ [a.toString()]: 'canary-A' });
  const push = pusher(stack.store, vault);
  push.hold();
  await push.run(secrets);
  return { ...stack, vault, ...push };
}

const codeOf = async (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error: unknown) => (error instanceof FlowError ? error.code : String(error)),
  );

describe('a push with stage: pending', () => {
  test('a value that differs is in force once it is promoted, for one write more', async () => {
    const { run, plan, promote, vault, current, counter } = await start();
    // there was nothing in force to hold it back from
    expect(current('app/a')).toBe('canary-A');
    vault.values[a.toString()] = 'canary-B';
    expect((await plan(secrets)).changes).toMatchObject([
      { action: 'update', detail: expect.stringContaining('pending') },
      { action: 'none' },
    ]);
    const calls = counter();
    const { pending, changed } = await run(secrets);
    expect([pending.map(({ name }) => name), changed]).toEqual([['app/a'], []]);
    expect(current('app/a')).toBe('canary-A');
    // killed in between: what is pending is left as it is, and handed on again
    expect(await plan(secrets)).toMatchObject({
      changes: [{ action: 'none', detail: 'is stored, and not in force yet' }, { action: 'none' }],
      output: { pending },
    });
    expect((await run(secrets)).pending).toEqual(pending);
    calls();
    expect((await promote.plan(pending)).changes).toMatchObject([{ action: 'update' }]);
    expect(await promote.run(pending)).toMatchObject({ changed: [{ name: 'app/a' }] });
    expect(current('app/a')).toBe('canary-B');
    expect(calls()['UpdateSecretVersionStage']).toBe(1);
    expect(await promote.plan(pending)).toMatchObject({ changes: [{ action: 'none' }], output: { changed: [] } });
    expect(await promote.run(pending)).toEqual({ changed: [] });
    expect((await run(secrets)).pending).toEqual([]);
  });

  test('what is unchanged costs nothing', async () => {
    const { run, promote, counter } = await start();
    const calls = counter();
    const { pending } = await run(secrets);
    expect(await promote.plan(pending)).toEqual({ changes: [], output: { changed: [] } });
    expect(await promote.run(pending)).toEqual({ changed: [] });
    expect(calls()).toEqual({ ListSecrets: 1 });
  });

  test('a value that was not proven stays without force, and the next push replaces it', async () => {
    const { run, promote, vault, current } = await start();
    vault.values[a.toString()] = 'refused';
    const refused = await run(secrets);
    vault.values[a.toString()] = 'canary-C';
    const { pending } = await run(secrets);
    expect(current('app/a')).toBe('canary-A');
    await promote.run(pending);
    expect(current('app/a')).toBe('canary-C');
    expect((await promote.plan(refused.pending)).changes).toMatchObject([{ action: 'conflict' }]);
    expect(await codeOf(promote.run(refused.pending))).toBe('conflict');
    expect(current('app/a')).toBe('canary-C');
  });

  test('a value that a proof refused is taken back at once, and can be pushed anew', async () => {
    const { run, withdraw, promote, vault, current, counter, aws } = await start();
    const labelled = () => aws.dump()[0]?.versions.filter(({ stages }) => stages.length > 0).length;
    vault.values[a.toString()] = 'canary-B';
    const refused = await run(secrets);
    expect(labelled()).toBe(2);
    const calls = counter();
    aws.faults.loseAnswer('UpdateSecretVersionStage');
    expect(await withdraw(refused)).toBe(true);
    expect(calls()).toEqual({ DescribeSecret: 1, UpdateSecretVersionStage: 2 });
    expect([labelled(), current('app/a')]).toEqual([1, 'canary-A']);
    expect(await withdraw(refused)).toBe(false);
    // what it needed is there now: the same value, whose version is stored still
    aws.faults.loseAnswer('UpdateSecretVersionStage');
    const again = await run(secrets);
    expect(again.pending).toEqual(refused.pending);
    await promote.run(again.pending);
    expect(current('app/a')).toBe('canary-B');
    // in force by now, and nothing at all
    expect(await withdraw(again)).toBe(false);
    calls();
    expect(await withdraw({ pending: [] })).toBe(false);
    expect(calls()).toEqual({});
  });

  test('a refused value that another push has replaced since is not what is taken back', async () => {
    const { run, withdraw, promote, vault, current } = await start();
    vault.values[a.toString()] = 'refused';
    const refused = await run(secrets);
    vault.values[a.toString()] = 'canary-C';
    const { pending } = await run(secrets);
    expect(await withdraw(refused)).toBe(false);
    await promote.run(pending);
    expect(current('app/a')).toBe('canary-C');
  });

  test('a value that was not proven is taken back where the vault has the old one again', async () => {
    const { run, plan, vault, current, counter, aws } = await start();
    const pending = () => aws.dump()[0]?.versions.filter(({ stages }) => stages.includes('AWSPENDING'));
    vault.values[a.toString()] = 'refused';
    await run(secrets);
    expect(pending()).toHaveLength(1);
    vault.values[a.toString()] = 'canary-A';
    const change = { action: 'update', detail: 'takes back a pending value' };
    expect((await plan(secrets)).changes).toMatchObject([change, { action: 'none' }]);
    const calls = counter();
    aws.faults.loseAnswer('UpdateSecretVersionStage');
    expect(await run(secrets)).toMatchObject({ pending: [], changed: [] });
    expect(calls()).toMatchObject({ ListSecrets: 1, UpdateSecretVersionStage: 2 });
    expect([pending(), current('app/a')]).toEqual([[], 'canary-A']);
    expect((await plan(secrets)).changes.map(({ action }) => action)).toEqual(['none', 'none']);
  });

  test('what someone else holds back, and what was promoted, is left', async () => {
    const { run, plan, promote, vault, client } = await start();
    vault.values[a.toString()] = 'canary-B';
    await promote.run((await run(secrets)).pending);
    expect((await plan(secrets)).changes.map(({ action }) => action)).toEqual(['none', 'none']);
    const theirs = { SecretId: 'app/a', SecretString: 'theirs', VersionStages: ['AWSPENDING'] };
    await client.send(new PutSecretValueCommand({ ...theirs, ClientRequestToken: 'e'.repeat(32) }));
    expect((await plan(secrets)).changes.map(({ action }) => action)).toEqual(['none', 'none']);
  });

  test('what someone else wrote meanwhile is a conflict of the push', async () => {
    const { run, vault, client } = await start();
    await client.send(
      new PutSecretValueCommand({ SecretId: 'app/a', SecretString: 'theirs', ClientRequestToken: 'e'.repeat(32) }),
    );
    vault.values[a.toString()] = 'canary-B';
    expect(await codeOf(run(secrets))).toBe('conflict');
  });

  test('what no push gave is refused, and so is a store that cannot hold a value back', async () => {
    const { promote, store, vault } = await start();
    for (const wrong of [undefined, 'x', [{ name: 'a' }], [{ name: 'a', version: 1 }]])
      expect(await codeOf(promote.run(wrong))).toBe('invalid-value');
    const { promote: _, ...simple } = store;
    const other = pusher(simple, vault);
    other.hold();
    expect(await codeOf(other.run(secrets))).toBe('refused');
  });
});
