import { exportSPKI, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { vaultPolicy } from '../../src/adapters/stores/vault-kv/policy.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { kvEngineContract } from '../contracts/kv-engine.ts';
import { openStore, vaultKvStoreContract } from '../contracts/vault-kv-store.ts';
import { memoryVault, pusher, ref } from '../steps/store-push/harness.ts';
import { type OpenBao, startOpenBao } from './openbao.ts';

kvEngineContract('KV of version 2, by OpenBao', startOpenBao);
vaultKvStoreContract('a KV engine of OpenBao as a store', startOpenBao);

describe('a push to OpenBao with a login by JWT and the policy of the setup', () => {
  const names = ['team/orders', 'team/ä 50%'];
  const jwt = { role: 'pusher', mount: 'jwt' };
  let server: OpenBao;
  let sign: (audience: string) => Promise<Secret>;
  beforeAll(async () => {
    server = await startOpenBao();
    const { publicKey, privateKey } = await generateKeyPair('ES256');
    sign = async (audience) => {
      const claims = new SignJWT({}).setSubject('flows').setAudience(audience).setIssuedAt().setExpirationTime('5m');
      return new Secret(await claims.setProtectedHeader({ alg: 'ES256' }).sign(privateKey));
    };
    const policy = vaultPolicy('main', { mount: 'secret', 'jwt-mount': 'jwt' }, names);
    await server.ask('POST', 'sys/policies/acl/flows-main', { policy });
    await server.ask('POST', 'sys/auth/jwt', { type: 'jwt' });
    await server.ask('POST', 'auth/jwt/config', {
      jwt_validation_pubkeys: [await exportSPKI(publicKey)],
    });
    const bound = { user_claim: 'sub', bound_audiences: ['vault'], token_policies: ['flows-main'] };
    await server.ask('POST', 'auth/jwt/role/pusher', { role_type: 'jwt', ...bound });
  });
  afterAll(() => server.close());

  it('creates, changes nothing, updates, and may read nothing back', async () => {
    const store = openStore(server, { jwt, token: async () => sign('vault') });
    const vault = memoryVault({ 'op://V/a/f': 'one' });
    const { run, plan } = pusher(store, vault);
    const secrets = names.map((name) => ({
      name,
      value: { password: ref('op://V/a/f'), port: 5432 },
      tags: { team: 'a' },
    }));
    expect((await run(secrets)).counts).toMatchObject({ create: 2 });
    expect((await plan(secrets)).output).toMatchObject({ counts: { none: 2 } });
    vault.values['op://V/a/f'] = 'two';
    expect((await run(secrets)).counts).toMatchObject({ update: 2 });
    expect(await server.ask('GET', 'secret/data/team/orders')).toMatchObject({
      data: {
        data: { password: 'two', port: 5432 },
        metadata: { version: 2, custom_metadata: { team: 'a' } },
      },
    });
    const beside = pusher(store, vault).run([{ name: 'other', value: ref('op://V/a/f') }]);
    await expect(beside).rejects.toMatchObject({
      code: 'denied',
      message: "the token's policies do not allow this",
    });
    await store.close();
  });

  it('is refused where the JWT is for somebody else, and where KV is of version 1', async () => {
    const stranger = openStore(server, { jwt, token: async () => sign('elsewhere') });
    await expect(stranger.verify([])).rejects.toMatchObject({
      code: 'denied',
      message: 'the Vault server refused the login by JWT',
    });
    const old = openStore(server, { mount: 'old' });
    await expect(old.verify([])).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('KV version 1'),
    });
  });
});
