import { afterAll, beforeAll, expect, it } from 'vitest';
import { startVault, type DevelopmentVault } from '../../../src/laptop/vault/server.ts';
import { createOnePasswordVault } from '../../../src/adapters/vaults/onepassword/vault.ts';
import type { Vault } from '../../../src/adapters/vaults/contract.ts';
import { startStack, type Stack } from '../../adapters/stores/aws-secrets-manager/stack.ts';
import { pusher, ref } from './harness.ts';

let development: DevelopmentVault;
let vault: Vault;
let stack: Stack;
beforeAll(async () => {
  const field = (label: string, value: string) => ({ label, type: 'concealed' as const, value });
  development = await startVault({
    vaults: [
      {
        name: 'Agents',
        items: [
          {
            title: 'Database — orders/main',
            fields: [field('user name', 'orders'), field('password', ' "quoted" \\ ä ')],
          },
          { title: 'OpenAI', fields: [field('credential', 'sk-1')] },
        ],
      },
    ],
  });
  vault = createOnePasswordVault({ token: () => Promise.resolve(development.token()), development: true });
  stack = await startStack({ account: '123456789012' });
});
afterAll(async () => {
  await vault.close();
  await Promise.all([development.close(), stack.close()]);
});

it('values reach AWS byte for byte through both real SDKs, and what is missing is told before anything is written', async () => {
  const { run, plan } = pusher(stack.store, vault);
  const item = 'op://Agents/Database — orders%2Fmain';
  const secrets = [
    { name: 'app/key', value: ref('op://Agents/OpenAI/credential') },
    { name: 'app/db', value: { user: ref(`${item}/user name`), password: ref(`${item}/password`), port: 5432 } },
  ];
  const missing = { name: 'app/none', value: ref('op://Agents/Nobody/credential') };
  await expect(run([...secrets, missing])).rejects.toMatchObject({ code: 'not-found' });
  expect(stack.aws.dump()).toEqual([]);
  expect((await run(secrets)).counts.create).toBe(2);
  expect(stack.current('app/key')).toBe('sk-1');
  expect(JSON.parse(stack.current('app/db') ?? '')).toEqual({
    user: 'orders',
    password: ' "quoted" \\ ä ',
    port: 5432,
  });
  expect((await plan(secrets)).output?.counts.none).toBe(2);
});
