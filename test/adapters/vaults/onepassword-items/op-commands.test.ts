import { expect, test } from 'vitest';
import { opItems } from '../../../../src/adapters/vaults/onepassword-items/op-commands.ts';
import { ref } from '../../../contracts/vault.ts';

test.each([
  ['op://V/abcdefghijklmnopqrstuvwx23', /^# item abcdefghijklmnopqrstuvwx23 is named by its id.*it needs: S\/key\n$/],
  ['op://V/Orders', /^op item create .*--title Orders/],
])('%s', (item, command) => {
  const fields = [{ section: 'S', name: 'key', type: 'password' as const }];
  expect(opItems.item({ reference: ref(item), fields })).toMatch(command);
});
