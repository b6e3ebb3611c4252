import { PutResourcePolicyCommand, ReplicateSecretToRegionsCommand } from '@aws-sdk/client-secrets-manager';
import { afterEach, describe, expect, test } from 'vitest';
import { FlowError } from '../../../src/foundation/errors.ts';
import { startStack } from '../../adapters/stores/aws-secrets-manager/stack.ts';
import { type Entry, memoryVault, pusher, ref } from './harness.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const a = ref('op://Vault/A/field');
const reader = (Principal: unknown, Action: unknown = ['secretsmanager:GetSecretValue']) => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal, Action, Resource: '*' }],
});
const policy = reader({ AWS: 'arn:aws:iam::210987654321:role/reader' });
const replicas = [{ region: 'eu-central-1' }, { region: 'us-east-1', 'kms-key': 'alias/there' }];
const declared: Entry = { name: 'app/a', value: a, replicas, 'resource-policy': policy };
const plain: Entry = { name: 'app/b', value: a };
const both = [declared, plain];

async function start() {
  const stack = await startStack({ warn: (message: string) => void said.push(message) });
  const said: string[] = [];
  closing.push(() => stack.close());
  const vault = memoryVault({ [a.toString()]: 'canary-A' });
  const push = pusher(stack.store, vault);
  const secret = (name = 'app/a') => stack.aws.dump().find((each) => each.name === name);
  return { ...stack, vault, ...push, secret, warned: said };
}

const codeOf = async (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error: unknown) => (error instanceof FlowError ? error.code : String(error)),
  );

describe('replicas and a resource policy', () => {
  test('come with the secret, cost a look each, and nothing where nothing is declared', async () => {
    const { run, plan, counter, secret } = await start();
    const calls = counter();
    expect((await run(both)).counts.create).toBe(2);
    expect(calls()).toEqual({ ListSecrets: 1, CreateSecret: 2, PutResourcePolicy: 1 });
    expect(secret()).toMatchObject({ replicas: ['eu-central-1', 'us-east-1'] });
    expect(JSON.parse(secret()?.policy ?? '')).toEqual(policy);
    expect((await plan(both)).output).toMatchObject({ counts: { none: 2 } });
    expect(calls()).toEqual({ ListSecrets: 1, DescribeSecret: 1, GetResourcePolicy: 1 });
    await run([plain]);
    expect(calls()).toEqual({ ListSecrets: 1 });
  });

  test('are rows of the plan where they differ, and written for what differs alone', async () => {
    const { run, plan, counter, secret } = await start();
    await run([{ name: 'app/a', value: a, replicas: replicas.slice(0, 1) }]);
    const { changes } = await plan([declared]);
    expect(changes).toMatchObject([{ action: 'update', detail: 'replicas, resource-policy' }]);
    const calls = counter();
    expect((await run([declared])).changed).toEqual([]);
    expect(calls()).toMatchObject({ ReplicateSecretToRegions: 1, PutResourcePolicy: 1 });
    expect(calls()['PutSecretValue']).toBeUndefined();
    expect(secret()?.replicas).toEqual(['eu-central-1', 'us-east-1']);
    const more = { ...declared, 'resource-policy': reader({ AWS: ['arn:aws:iam::210987654321:role/other'] }) };
    expect((await plan([more])).changes).toMatchObject([{ action: 'update', detail: 'resource-policy' }]);
  });

  test('written another way by someone, a policy is the same; what is not declared is left as it is', async () => {
    const { run, plan, client, secret } = await start();
    await run(both);
    const same = {
      Statement: reader({ AWS: ['arn:aws:iam::210987654321:role/reader'] }, 'secretsmanager:GetSecretValue')
        .Statement[0],
      Version: '2012-10-17',
    };
    await client.send(new PutResourcePolicyCommand({ SecretId: 'app/a', ResourcePolicy: JSON.stringify(same) }));
    await client.send(
      new ReplicateSecretToRegionsCommand({ SecretId: 'app/a', AddReplicaRegions: [{ Region: 'eu-north-1' }] }),
    );
    expect((await plan(both)).changes.map(({ action }) => action)).toEqual(['none', 'none']);
    await run([{ name: 'app/a', value: a }, plain]);
    expect(secret()).toMatchObject({
      replicas: ['eu-central-1', 'us-east-1', 'eu-north-1'],
      policy: JSON.stringify(same),
    });
  });

  test('a replica that failed is told and tried again, and one with another key is told', async () => {
    const { run, plan, aws, warned } = await start();
    const [first, second] = replicas;
    if (first === undefined || second === undefined) throw new TypeError('two are declared');
    await run(both);
    const words = 'Replication failed: Secret name app/a already exists in region eu-central-1. canary';
    aws.faults.replication('eu-central-1', words);
    const detail = 'replicas; the replica in eu-central-1 failed: another secret has its name there';
    expect((await plan(both)).changes).toMatchObject([{ action: 'update', detail }, { action: 'none' }]);
    await run(both);
    expect(warned).toEqual(['secret "app/a": its replica in eu-central-1 failed: another secret has its name there']);
    aws.faults.replication('eu-central-1', 'The KMS key is disabled.');
    expect((await plan(both)).changes[0]?.detail).toContain('failed: its KMS key cannot be used there');
    aws.faults.replication('eu-central-1', 'canary');
    expect((await plan(both)).changes[0]?.detail).toMatch(/failed: see aws secretsmanager describe-secret$/);
    aws.faults.replication('eu-central-1', undefined);
    const other = { ...declared, replicas: [first, { ...second, 'kms-key': 'alias/other' }] };
    expect((await plan([other])).changes).toMatchObject([
      { action: 'none', detail: expect.stringContaining('the replica in us-east-1 has another key') },
    ]);
  });

  test.each([
    ['its own region', { replicas: [{ region: 'eu-west-1' }] }, 'invalid'],
    ['a region twice', { replicas: [{ region: 'us-east-1' }, { region: 'us-east-1' }] }, 'invalid'],
    ['no region', { replicas: [{ region: 'Frankfurt' }] }, 'invalid'],
    ['a key with a space', { replicas: [{ region: 'us-east-1', 'kms-key': 'my key' }] }, 'invalid'],
    ['a policy without statements', { 'resource-policy': { Version: '2012-10-17' } }, 'invalid'],
    ['a policy that is none', { 'resource-policy': 'allow' }, 'invalid'],
    ['a policy that is too long', { 'resource-policy': reader({ AWS: 'x'.repeat(20_480) }) }, 'invalid'],
    ['a policy that lets everybody in', { 'resource-policy': reader('*') }, 'invalid-value'],
  ])('%s is refused', async (_, more, code) => {
    const { run, counter } = await start();
    const calls = counter();
    expect(await codeOf(run([{ name: 'app/a', value: a, ...more }]))).toBe(code);
    expect(calls()['CreateSecret'] ?? 0).toBe(code === 'invalid' ? 0 : 1);
  });

  test('stopped at any call, it is completed by the next run, with one version and each once', async () => {
    for (let last = 1; ; last += 1) {
      const { aws, run, secret, plan } = await start();
      await run([{ name: 'app/a', value: { fixed: 'before' } }]);
      const stop = new AbortController();
      let calls = 0;
      aws.faults.watch(() => void ((calls += 1) === last && stop.abort()));
      const next = [declared, { ...declared, name: 'app/new' }];
      const ended = await codeOf(run(next, [], false, stop.signal));
      aws.faults.watch(() => undefined);
      await run(next);
      for (const name of ['app/a', 'app/new']) {
        expect(secret(name)).toMatchObject({ replicas: ['eu-central-1', 'us-east-1'], policy: expect.any(String) });
        expect(secret(name)?.versions).toHaveLength(name === 'app/a' ? 2 : 1);
      }
      expect((await plan(next)).output).toMatchObject({ counts: { none: 2 } });
      if (ended === 'done' && calls < last) return;
      expect(last).toBeLessThan(40);
    }
  });

  test('prune leaves what has replicas to a person', async () => {
    const { run, plan, prune, secret } = await start();
    prune();
    await run(both);
    const { changes } = await plan([plain]);
    expect(changes[1]?.detail).toContain('left: it has replicas in eu-central-1, us-east-1; end them first');
    await run([plain]);
    expect(secret()?.deleted).toBe(false);
  });

  test('a store that knows none of it refuses them, when the files load too', async () => {
    const { store, vault, check } = await start();
    expect(check([declared])).toEqual([]);
    const { details: _, ...simple } = store;
    const { details: __, ...rules } = store.rules;
    const push = pusher({ ...simple, rules }, vault);
    expect(await codeOf(push.run([declared]))).toBe('invalid');
  });
});
