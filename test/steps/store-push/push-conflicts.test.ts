import { CreateSecretCommand } from '@aws-sdk/client-secrets-manager';
import { afterEach, describe, expect, it } from 'vitest';
import { FlowError } from '../../../src/foundation/errors.ts';
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
