import { beforeEach, expect, test } from 'vitest';
import { createStorage } from '../../../src/laptop/identity-provider/oidc-storage.ts';

let clock = 0;
let storage: ReturnType<typeof createStorage>;
beforeEach(() => {
  clock = 1_000_000;
  storage = createStorage(() => clock);
});

test('keeps a payload until it expires, by model', async () => {
  const codes = storage('AuthorizationCode');
  await codes.upsert('one', { jti: 'one' }, 60);
  await codes.upsert('for ever', { jti: 'for ever' });
  expect(await storage('AuthorizationCode').find('one')).toEqual({ jti: 'one' });
  expect(await storage('Session').find('one')).toBeUndefined();
  clock += 59_999;
  expect(await codes.find('one')).toEqual({ jti: 'one' });
  clock += 1;
  expect(await codes.find('one')).toBeUndefined();
  expect(await codes.find('for ever')).toEqual({ jti: 'for ever' });
});

test('a consumed code says so, and stays', async () => {
  const codes = storage('AuthorizationCode');
  await codes.upsert('one', { jti: 'one' }, 60);
  await codes.consume('one');
  await codes.consume('unknown');
  expect(await codes.find('one')).toEqual({ jti: 'one', consumed: 1000 });
});

test('finds by the other names, and forgets a grant as a whole', async () => {
  const sessions = storage('Session');
  await sessions.upsert('one', { uid: 'u1', grantId: 'g' }, 60);
  await sessions.upsert('two', { uid: 'u2', userCode: 'c2', grantId: 'g' }, 60);
  await sessions.upsert('three', { uid: 'u3', grantId: 'h' }, 60);
  expect(await sessions.findByUid('u2')).toMatchObject({ userCode: 'c2' });
  expect(await sessions.findByUserCode('c2')).toMatchObject({ uid: 'u2' });
  await sessions.revokeByGrantId('g');
  expect([await sessions.find('one'), await sessions.find('two')]).toEqual([undefined, undefined]);
  await sessions.destroy('three');
  expect(await sessions.findByUid('u3')).toBeUndefined();
});

test('what has expired stays expired after many writes', async () => {
  const codes = storage('AuthorizationCode');
  await codes.upsert('old', { jti: 'old' }, 1);
  clock += 2000;
  for (let count = 0; count < 300; count += 1) await codes.upsert(`new-${count}`, {}, 60);
  expect(await codes.find('old')).toBeUndefined();
  expect(await codes.find('new-0')).toEqual({});
});
