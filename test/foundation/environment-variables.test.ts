import { expect, test } from 'vitest';
import { takeEnvironment } from '../../src/foundation/environment-variables.ts';

test('takes tokens out at once, and named variables when they are named', () => {
  const env: Record<string, string | undefined> = {
    OP_SERVICE_ACCOUNT_TOKEN: 'one',
    MY_VAULT: 'ops_eyJ',
    NAMED: ' kept as it is ',
    PATH: '/usr/bin',
  };
  const taken = takeEnvironment(env);
  expect(env).toEqual({ NAMED: ' kept as it is ', PATH: '/usr/bin' });
  expect(taken.secret('NAMED')?.reveal()).toBe(' kept as it is ');
  expect(env).toEqual({ PATH: '/usr/bin' });
  expect(taken.secret('NAMED')?.reveal()).toBe(' kept as it is ');
  expect(taken.secret('MY_VAULT')?.reveal()).toBe('ops_eyJ');
  expect(taken.secret('ABSENT')).toBeUndefined();
});

test('what was taken is there for those who take later, and a value that was set anew counts', () => {
  const env: Record<string, string | undefined> = { OP_CONNECT_TOKEN: 'one', NAMED: 'two' };
  expect(takeEnvironment(env).secret('NAMED')?.reveal()).toBe('two');
  const later = takeEnvironment(env);
  expect([later.secret('OP_CONNECT_TOKEN')?.reveal(), later.secret('NAMED')?.reveal()]).toEqual(['one', 'two']);
  env['NAMED'] = 'three';
  expect([later.secret('NAMED')?.reveal(), env]).toEqual(['three', {}]);
  expect(takeEnvironment({}).secret('NAMED')).toBeUndefined();
});
