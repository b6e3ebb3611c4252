import { CreateSecretCommand } from '@aws-sdk/client-secrets-manager';
import { afterEach, describe, expect, it } from 'vitest';
import { FlowError } from '../../../src/foundation/errors.ts';
import { Secret } from '../../../src/foundation/secret.ts';
import { startStack } from '../../adapters/stores/aws-secrets-manager/stack.ts';
import { memoryVault, pusher, ref } from './harness.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const a = ref('op://Vault/A/field');

async function start() {
  const stack = await startStack();
  closing.push(() => stack.close());
  const vault = memoryVault({ [a.toString()]: 'canary-A' });
  return { ...stack, vault, ...pusher(stack.store, vault) };
}

const one = [{ name: 'app/a', value: a }];

describe('what only its owner writes', () => {
  it.each([
    ['a replica', { primaryRegion: 'eu-central-1' }, 'eu-central-1'],
    ['a managed secret', { service: 'rds' }, 'rds'],
  ])('%s is a conflict that names it, adopted or not, listed or looked at by itself', async (_, owner, named) => {
    const { run, plan, client, aws, current, counter } = await start();
    await client.send(new CreateSecretCommand({ Name: 'app/a', SecretString: 'theirs' }));
    aws.own('app/a', owner);
    const calls = counter();
    for (const options of [[], ['adopt'], ['adopt', 'overwrite'], ['adopt', 'strict']]) {
      expect((await plan(one, options)).changes).toMatchObject([
        { action: 'conflict', detail: expect.stringContaining(named) },
      ]);
      await expect(run(one, options)).rejects.toMatchObject({ code: 'conflict', hint: expect.stringContaining(named) });
    }
    expect(Object.keys(calls()).toSorted()).toEqual(['DescribeSecret', 'ListSecrets']);
    expect(current('app/a')).toBe('theirs');
  });

  it('a secret with replicas elsewhere, which names its own region, is pushed as any other', async () => {
    const { run, aws, vault, current } = await start();
    await run(one);
    aws.own('app/a', { primaryRegion: aws.region });
    vault.values[a.toString()] = 'other';
    expect((await run(one)).counts).toMatchObject({ update: 1 });
    expect(current('app/a')).toBe('other');
  });

  it('one that became a replica after it was looked at is a conflict too', async () => {
    const { store, aws } = await start();
    const write = { name: { name: 'app/a' }, version: '1'.repeat(64), value: new Secret('x'), metadata: {} };
    await store.write({ ...write, stored: undefined });
    const stored = (await store.inspect([{ name: 'app/a' }])).get('app/a');
    aws.own('app/a', { primaryRegion: 'eu-central-1' });
    await expect(store.write({ ...write, version: '2'.repeat(64), stored })).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('replica'),
    });
  });
});

describe('a name that ends as an ARN does', () => {
  it('is pushed, and told of once a plan: five of many', async () => {
    const { run, plan, said, vault, current, aws } = await start();
    const secrets = ['app-config', 'xyz-secret', 'app', 'xyz'].map((name) => ({ name, value: a }));
    await plan(secrets);
    expect(said).toEqual([
      'secret "app-config", secret "xyz-secret": each ends in a hyphen and six characters, as an ARN does: read it by its whole ARN, never by one without AWS’s ending',
    ]);
    await run(secrets);
    vault.values[a.toString()] = 'other';
    expect((await run(secrets)).counts).toEqual({ create: 0, adopt: 0, update: 4, none: 0 });
    for (const { name } of secrets) expect(current(name)).toBe('other');
    const arn = aws.dump().find(({ name }) => name === 'app-config')?.arn ?? '';
    expect((await plan([{ name: arn, value: a }])).changes).toMatchObject([{ action: 'none' }]);
    expect(said).toHaveLength(1);
  });
});

const names = Array.from({ length: 40 }, (_, index) => `app/service-with-a-long-name/${index}`);
const all = names.map((name) => ({ name, value: a }));

describe('forty at once', () => {
  it('conflicts: five by name, how many more, and the remedy whole; each of them as a warning', async () => {
    const { run, client, said } = await start();
    for (const Name of names) await client.send(new CreateSecretCommand({ Name, SecretString: 'theirs' }));
    const error = await run(all).catch((thrown: unknown) => thrown);
    const line = error instanceof FlowError ? error.line() : '';
    expect(line).toContain('service-with-a-long-name/4" and 35 more');
    expect(line).toMatch(/adopt: true or --adopt takes it over\)$/);
    for (const name of names) expect(said.join('\n')).toContain(`"${name}"`);
  });

  it('references that cannot be read: the same', async () => {
    const { run, said } = await start();
    const missing = names.map((name) => ({ name, value: ref(`op://Vault/${name.replaceAll('/', ' ')}/field`) }));
    const error = await run(missing).catch((thrown: unknown) => thrown);
    const line = error instanceof FlowError ? error.line() : '';
    expect(line).toMatch(/^40 references cannot be read: .* and 35 more \(nothing was written.*run again\)$/);
    expect(said).toHaveLength(40);
  });
});
