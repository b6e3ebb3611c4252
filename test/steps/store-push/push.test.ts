import { randomBytes } from 'node:crypto';
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  PutSecretValueCommand,
  UpdateSecretCommand,
} from '@aws-sdk/client-secrets-manager';
import { afterEach, describe, expect, it } from 'vitest';
import { FlowError } from '../../../src/foundation/errors.ts';
import { startStack } from '../../adapters/stores/aws-secrets-manager/stack.ts';
import { memoryVault, pusher, ref, type Entry } from './harness.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const a = ref('op://Vault/A/field');
const b = ref('op://Vault/B/field');

async function start(values: Record<string, string> = {}) {
  const stack = await startStack();
  closing.push(() => stack.close());
  const vault = memoryVault({ [a.toString()]: 'canary-A', [b.toString()]: 'canary-B', ...values });
  return { ...stack, vault, ...pusher(stack.store, vault) };
}

const actions = async (plan: Promise<{ changes: readonly { action: string }[] }>) =>
  (await plan).changes.map((each) => each.action);
const one: readonly Entry[] = [{ name: 'app/a', value: a }];

describe('a push', () => {
  it('creates, then does nothing, then updates: least calls each time', async () => {
    const { run, plan, vault, aws, counter, current } = await start();
    const secrets = [
      ...one,
      { name: 'app/b', value: b, description: 'B', tags: { team: 'x' }, 'kms-key': 'alias/runtime' },
    ];
    const calls = counter();
    expect(await actions(plan(secrets))).toEqual(['create', 'create']);
    expect(calls()).toEqual({ ListSecrets: 1 });
    const first = await run(secrets);
    expect(first.counts).toEqual({ create: 2, adopt: 0, update: 0, none: 0 });
    expect(first.changed.map((each) => each.name)).toEqual(['app/a', 'app/b']);
    expect(first.changed.map((each) => each.arn)).toEqual(
      aws
        .dump()
        .map((each) => each.arn)
        .toSorted(),
    );
    expect(calls()).toEqual({ ListSecrets: 1, CreateSecret: 2 });
    expect(aws.dump().find((each) => each.name === 'app/b')).toMatchObject({
      description: 'B',
      tags: { team: 'x' },
      kmsKeyId: 'alias/runtime',
    });

    expect((await plan(secrets)).output).toEqual({
      counts: { create: 0, adopt: 0, update: 0, none: 2 },
      pending: [],
      changed: [],
      removed: [],
    });
    expect((await run(secrets)).counts.none).toBe(2);
    expect(calls()).toEqual({ ListSecrets: 2 });

    vault.values[b.toString()] = 'canary-B2';
    const before = vault.requests();
    const second = await run(secrets);
    expect(second).toMatchObject({ counts: { create: 0, adopt: 0, update: 1, none: 1 }, changed: [{ name: 'app/b' }] });
    expect(calls()).toEqual({ ListSecrets: 1, PutSecretValue: 1 });
    expect(vault.requests() - before).toBe(1);
    expect(current('app/b')).toBe('canary-B2');
    expect(calls()['GetSecretValue']).toBeUndefined();
  });

  it('A → B → A ends as A, and each of them is a change', async () => {
    const { run, vault, current, aws } = await start();
    for (const value of ['A', 'B', 'A', 'B', 'A']) {
      vault.values[a.toString()] = value;
      expect((await run(one)).changed).toHaveLength(1);
      expect(current('app/a')).toBe(value);
    }
    expect(aws.dump()[0]?.versions).toHaveLength(2);
  });

  it('stores documents with sorted keys and their types, and templates', async () => {
    const { run, plan, current } = await start({ [b.toString()]: 'quote " and ä\n' });
    const value = { z: a, '10': 1, '9': true, host: 'db.example', b, __proto__x: 'y' };
    const secrets: readonly Entry[] = [
      { name: 'app/json', value },
      { name: 'app/template', template: ['postgres://u:', a, '@db/', b] },
      { name: 'app/nested-template', value: { template: ['<', a, '>'] } },
    ];
    await run(secrets);
    expect(current('app/json')).toBe(
      '{"10":1,"9":true,"__proto__x":"y","b":"quote \\" and ä\\n","host":"db.example","z":"canary-A"}',
    );
    expect(current('app/template')).toBe('postgres://u:canary-A@db/quote " and ä\n');
    expect(current('app/nested-template')).toBe('<canary-A>');
    const turned = { b, host: 'db.example', '9': true, z: a, '10': 1, __proto__x: 'y' };
    expect(await actions(plan([{ name: 'app/json', value: turned }]))).toEqual(['none']);
  });

  it('takes an ARN for a secret that exists, as the same secret that the name is', async () => {
    const { run, plan } = await start();
    const [{ arn } = { arn: '' }] = (await run(one)).changed;
    expect(await actions(plan([{ name: arn, value: a }]))).toEqual(['none']);
    const other = `${arn.slice(0, -6)}ZZZZZZ`;
    expect(await actions(plan([{ name: other, value: a }]))).toEqual(['conflict']);
    const elsewhere = arn.replace('eu-west-1', 'us-east-1');
    await expect(plan([{ name: elsewhere, value: a }])).rejects.toMatchObject({ code: 'refused' });
  });

  it('changes metadata that is declared, without a new version and without a change to tell', async () => {
    const { run, aws, counter } = await start();
    await run([{ ...one[0], name: 'app/a', value: a, tags: { kept: '1' } }]);
    const calls = counter();
    const secrets = [{ name: 'app/a', value: a, description: 'new', tags: { team: 'x' }, 'kms-key': 'k' }];
    expect(await run(secrets)).toMatchObject({ counts: { update: 1 }, changed: [] });
    expect(calls()).toEqual({ ListSecrets: 1, UpdateSecret: 1, TagResource: 1 });
    expect(aws.dump()[0]).toMatchObject({
      description: 'new',
      tags: { kept: '1', team: 'x' },
      kmsKeyId: 'k',
      versions: [{}],
    });
    await run(secrets);
    expect(calls()).toEqual({ ListSecrets: 1 });
  });
});

describe("someone else's", () => {
  it('secret is a conflict until it is adopted', async () => {
    const { run, plan, client, current, counter } = await start();
    await client.send(new CreateSecretCommand({ Name: 'app/a', SecretString: 'theirs' }));
    expect(await actions(plan(one))).toEqual(['conflict']);
    await expect(run(one)).rejects.toMatchObject({ code: 'conflict' });
    await expect(run(one, ['overwrite'])).rejects.toMatchObject({ code: 'conflict' });
    expect(current('app/a')).toBe('theirs');
    expect(await actions(plan(one, ['adopt']))).toEqual(['adopt']);
    const calls = counter();
    expect((await run(one, [], true)).counts).toEqual({ create: 0, adopt: 1, update: 0, none: 0 });
    expect(calls()).toEqual({ ListSecrets: 1, PutSecretValue: 1 });
    expect(current('app/a')).toBe('canary-A');
    expect(await actions(plan(one))).toEqual(['none']);
  });

  it('secret without a value is adopted like one', async () => {
    const { run, client, current } = await start();
    await client.send(new CreateSecretCommand({ Name: 'app/a' }));
    await expect(run(one)).rejects.toMatchObject({ code: 'conflict' });
    await run(one, ['adopt']);
    expect(current('app/a')).toBe('canary-A');
  });

  it('write stays unless it is to be overwritten, also where adopting is allowed', async () => {
    const { run, plan, client, current } = await start();
    await run(one);
    await client.send(new PutSecretValueCommand({ SecretId: 'app/a', SecretString: 'theirs' }));
    expect(await actions(plan(one, ['adopt']))).toEqual(['conflict']);
    await expect(run(one, ['adopt'])).rejects.toMatchObject({ code: 'conflict' });
    // two more writes, and no label keeps our version
    await client.send(new PutSecretValueCommand({ SecretId: 'app/a', SecretString: 'theirs 2' }));
    expect(await actions(plan(one, ['adopt']))).toEqual(['conflict']);
    expect(current('app/a')).toBe('theirs 2');
    expect((await run(one, ['overwrite', 'adopt'])).counts.update).toBe(1);
    expect(current('app/a')).toBe('canary-A');
  });

  it('version that borrows the first half of ours is not taken for ours', async () => {
    const { run, plan, client, aws } = await start();
    await run(one);
    const [ours = ''] = aws.dump()[0]?.versions.map((each) => each.id) ?? [];
    await client.send(
      new PutSecretValueCommand({
        SecretId: 'app/a',
        SecretString: 'theirs',
        ClientRequestToken: `${ours.slice(0, 32)}${randomBytes(16).toString('hex')}`,
      }),
    );
    expect(await actions(plan(one))).toEqual(['conflict']);
  });

  it('conflict stops everything before anything is written', async () => {
    const { run, client, aws, said } = await start();
    await client.send(new CreateSecretCommand({ Name: 'app/a', SecretString: 'theirs' }));
    await expect(run([{ name: 'app/b', value: b }, ...one])).rejects.toMatchObject({ code: 'conflict' });
    expect(aws.dump().map((each) => each.name)).toEqual(['app/a']);
    expect(said.join('\n')).toContain('app/a');
  });

  it('scheduled deletion is a conflict', async () => {
    const { run, plan, client } = await start();
    await run(one);
    await client.send(new DeleteSecretCommand({ SecretId: 'app/a' }));
    expect(await actions(plan(one, ['adopt', 'overwrite', 'strict']))).toEqual(['conflict']);
    await expect(run(one)).rejects.toMatchObject({ code: 'conflict' });
  });
});

describe('two keys', () => {
  it('what is current under the old one stays, and can be renamed', async () => {
    const { run, plan, useKeys, vault, aws } = await start();
    const [old, fresh] = [randomBytes(32), randomBytes(32)];
    useKeys(old);
    await run([...one, { name: 'app/b', value: b }]);
    useKeys(fresh, old);
    expect(await actions(plan(one))).toEqual(['none']);
    vault.values[b.toString()] = 'other';
    expect(await actions(plan([{ name: 'app/b', value: b }]))).toEqual(['update']);
    expect(await run(one, ['overwrite'])).toMatchObject({ counts: { update: 1 }, changed: [] });
    useKeys(fresh);
    expect(await actions(plan(one))).toEqual(['none']);
    expect(aws.dump().find((each) => each.name === 'app/a')?.versions).toHaveLength(2);
  });

  it("the store's own key wins over the environment's", async () => {
    const { open, vault, plan } = await start();
    const key = randomBytes(32);
    const own = open({ fingerprintKeys: () => Promise.resolve([key]) });
    closing.push(() => own.close());
    await pusher(own, vault).run(one);
    expect(await actions(pusher(own, vault).plan(one))).toEqual(['none']);
    expect(await actions(plan(one))).toEqual(['conflict']);
  });
});

describe('values', () => {
  const missing = ref('op://Vault/Missing/field');
  const gone = ref('op://Vault/Gone/field');
  const cases: readonly (readonly [string, Record<string, string>, readonly Entry[], string])[] = [
    ['empty', { [a.toString()]: '' }, one, 'invalid-value'],
    ['empty by template', { [a.toString()]: '' }, [{ name: 'app/t', template: [a] }], 'invalid-value'],
    ['a byte too long', { [a.toString()]: 'x'.repeat(65_537) }, one, 'invalid-value'],
    ['too long in bytes, not in characters', { [a.toString()]: 'ä'.repeat(32_769) }, one, 'invalid-value'],
    ['cut within a character', { [a.toString()]: 'cut \ud83d' }, one, 'invalid-value'],
    ['cut within a character of a template', {}, [{ name: 'app/t', template: ['x\ude00', b] }], 'invalid-value'],
    ['missing in the vault', {}, [{ name: 'app/m', value: missing }], 'not-found'],
    [
      'several missing',
      {},
      [
        { name: 'app/m', value: missing },
        { name: 'app/n', value: { x: gone } },
      ],
      'not-found',
    ],
  ];
  it.each(cases)(
    '%s: refused at plan and run, nothing written, nothing asked of AWS',
    async (_, values, secrets, code) => {
      const { run, plan, aws } = await start(values);
      for (const attempt of [plan, run])
        await expect(attempt([...secrets, { name: 'app/good', value: b }])).rejects.toMatchObject({ code });
      expect(aws.calls()).toEqual({});
    },
  );

  it('all missing references are told at once', async () => {
    const { run } = await start();
    const error = await run([
      { name: 'app/m', value: missing },
      { name: 'app/n', value: gone },
    ]).catch((thrown: unknown) => thrown);
    const line = error instanceof FlowError ? error.line() : '';
    for (const each of [missing, gone]) expect(line).toContain(each.toString());
  });

  it('the longest is taken, and is read once however many secrets hold it', async () => {
    const { run, vault, current } = await start({ [a.toString()]: 'x'.repeat(65_536) });
    const before = vault.requests();
    await run(['1', '2', '3'].map((name) => ({ name, value: a })));
    expect(vault.requests() - before).toBe(1);
    expect(current('2')).toHaveLength(65_536);
  });

  it('a part that is empty is told', async () => {
    const { run, said } = await start({ [b.toString()]: '' });
    await run([{ name: 'app/j', value: { a, b } }]);
    expect(said.join('\n')).toContain(b.toString());
  });
});

describe('trouble on the way', () => {
  const many = (count: number, value = a): Entry[] =>
    Array.from({ length: count }, (_, index) => ({ name: `app/${index}`, value }));

  it('what was pushed stays pushed and is listed; a second run completes', async () => {
    const { run, aws, said } = await start();
    aws.faults.refuse('CreateSecret', 'AccessDeniedException', { secret: 'app/3', times: 1 });
    aws.faults.refuse('CreateSecret', 'EncryptionFailure', { secret: 'app/5', times: 1 });
    const error = await run(many(8)).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'denied' });
    expect(error instanceof FlowError ? error.message : '').toMatch(/6 pushed, 2 not.*app\/[35]/);
    expect(aws.dump()).toHaveLength(6);
    for (const name of ['app/0', 'app/7']) expect(said.join('\n')).toContain(name);
    expect((await run(many(8))).counts).toEqual({ create: 2, adopt: 0, update: 0, none: 6 });
  });

  it('gives up where everything fails alike', async () => {
    const { run, aws } = await start();
    aws.faults.deny('CreateSecret');
    await expect(run(many(200))).rejects.toMatchObject({
      code: 'denied',
      message: expect.stringMatching(/^0 pushed, 200 not:.*not tried/),
    });
    expect(aws.calls()['CreateSecret']).toBeLessThan(50);
  });

  it('stops when told, and says what was done', async () => {
    const { run, aws } = await start();
    aws.faults.delay(20);
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 150);
    await expect(run(many(300), [], false, stop.signal)).rejects.toMatchObject({ code: 'aborted' });
    const done = aws.dump().length;
    expect(done).toBeLessThan(300);
    aws.faults.delay(0);
    const { counts } = await run(many(300)); // what was under way may have arrived after all
    expect(counts.create + counts.none).toBe(300);
    expect(counts.none).toBeGreaterThanOrEqual(done);
    expect(aws.dump().every((each) => each.versions.length === 1)).toBe(true);
  });

  it('a secret of ours that the list did not show yet is updated, not refused', async () => {
    const { run, open, aws, vault, current, useKeys } = await start();
    const key = randomBytes(32);
    useKeys(key);
    await run(one);
    aws.faults.listLag(300_000); // of a list that another machine, which wrote nothing lately, asks
    vault.values[a.toString()] = 'newer';
    const other = pusher(open(), vault);
    other.useKeys(key);
    expect((await other.run(one)).counts).toMatchObject({ update: 1 });
    expect(current('app/a')).toBe('newer');
    const stranger = pusher(open(), vault);
    await expect(stranger.run(one)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('killed after any call and run again, it ends complete with no version too many', async () => {
    const secrets: readonly Entry[] = [
      { name: 'app/new', value: a, tags: { team: 'x' } },
      { name: 'app/changed', value: a, description: 'd', tags: { team: 'x' } },
      { name: 'app/back', value: b },
    ];
    const stopped: string[] = [];
    for (let boundary = 1; boundary < 12; boundary += 1) {
      const { run, aws, vault, current } = await start({ [a.toString()]: 'one', [b.toString()]: 'A' });
      await run([
        { name: 'app/changed', value: a },
        { name: 'app/back', value: b },
      ]);
      vault.values[b.toString()] = 'B';
      await run([{ name: 'app/back', value: b }]);
      vault.values[b.toString()] = 'A';
      vault.values[a.toString()] = 'two';
      const killed = new AbortController();
      let calls = 0;
      aws.faults.watch(() => {
        calls += 1;
        if (calls === boundary) killed.abort();
      });
      const first = await run(secrets, [], false, killed.signal).catch((error: unknown) => error);
      stopped.push(first instanceof FlowError ? first.code : 'complete');
      await run(secrets);
      expect(secrets.map((each) => current(each.name))).toEqual(['two', 'two', 'A']);
      const versions = (name: string) => aws.dump().find((each) => each.name === name)?.versions.length;
      expect(secrets.map((each) => versions(each.name))).toEqual([1, 2, 2]);
    }
    expect(stopped[0]).toBe('aborted');
    expect(stopped.at(-1)).toBe('complete');
  });

  it('two runs at once end as one', async () => {
    const { run, open, vault, aws, useKeys } = await start();
    const key = randomBytes(32);
    useKeys(key);
    const other = pusher(open(), vault);
    other.useKeys(key);
    const results = await Promise.all([run(many(20)), run(many(20)), other.run(many(20))]);
    expect(aws.dump()).toHaveLength(20);
    expect(aws.dump().every((each) => each.versions.length === 1)).toBe(true);
    expect(results).toHaveLength(3);
  });

  it('no value is said, nor in any error', async () => {
    const { run, plan, aws, client, said } = await start();
    const errors: unknown[] = [];
    await run(one);
    await client.send(new UpdateSecretCommand({ SecretId: 'app/a', SecretString: 'canary-theirs' }));
    for (const type of ['AccessDeniedException', 'InvalidRequestException', 'BrandNewException', 'EncryptionFailure']) {
      aws.faults.refuse('PutSecretValue', type, { message: 'you sent canary-A', times: 5 });
      errors.push(await run(one, ['overwrite']).catch((error: unknown) => error));
    }
    errors.push(await run(one).catch((error: unknown) => error));
    said.push(JSON.stringify(await plan(one, ['overwrite'])));
    for (const error of errors) said.push(error instanceof FlowError ? error.line() : `not ours: ${String(error)}`);
    expect(errors).toHaveLength(5);
    expect(said.join('\n')).not.toMatch(/canary|not ours/);
  });
});
