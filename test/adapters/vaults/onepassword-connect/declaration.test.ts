import { expect, test } from 'vitest';
import { onepasswordConnect } from '../../../../src/adapters/vaults/onepassword-connect/index.ts';

const settings = (url: string) => ({ url, token: { env: 'OP_CONNECT_TOKEN' } });

test('says how a token of Connect is made, with the vaults and rights that flows need', () => {
  const needs = { number: 1, environment: 'production', settings: settings('https://connect.example') };
  const vaults = [
    { name: 'Agents', writes: false },
    { name: "Ada's", writes: true },
  ];
  expect(onepasswordConnect.setup?.access({ ...needs, vaults })).toBe(
    `op connect token create 'flows production 1' --server SERVER --expires-in 90d \\
  --vault Agents,r \\
  --vault 'Ada'\\''s'
`,
  );
  expect(onepasswordConnect.setup?.access({ ...needs, vaults: [] })).toBe('# vault entry 1: no flow uses it\n');
});

test.each([
  ['https://connect.example', []],
  ['https://ops.example/connect/', []],
  ['https://connect.example/v1', ['url']],
  ['https://connect.example/v1/', ['url']],
])('%s: its address is the one that /v1 stands below', (url, keys) => {
  expect(onepasswordConnect.check?.(settings(url), new Set())?.map(({ key }) => key)).toEqual(keys);
  expect(onepasswordConnect.addresses(settings(url))).toEqual([{ key: 'url', url }]);
});
