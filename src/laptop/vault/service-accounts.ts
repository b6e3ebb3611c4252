import { sameName } from '../../foundation/names.ts';
import { randomBytes } from 'node:crypto';
import { Secret } from '../../foundation/secret.ts';
import { base64url, keyCharacters, newId, newUpperId } from './encoding.ts';
import { keyPair, keyset, type KeyPair, type SymmetricKey } from './encrypted-values.ts';
import { verifierOf, type SrpUser } from './srp.ts';

/** What a token may do in the vaults that it names, or in all. */
export interface TokenOptions {
  readonly vaults?: readonly string[];
  readonly access?: 'read' | 'write';
}

/** A service account: one per token. The password is in the token only; here is its verifier. */
export interface ServiceAccount extends SrpUser {
  readonly userId: string;
  readonly userAuth: Readonly<Record<string, unknown>>;
  readonly keysetId: string;
  readonly keyset: Readonly<Record<string, unknown>>;
  readonly keys: KeyPair;
  mayRead(vault: string): boolean;
  mayWrite(vault: string): boolean;
}

export interface ServiceAccounts {
  /** @returns a token `ops_…`; its account lives until it is revoked */
  create(address: string, options: TokenOptions): Secret;
  find(email: string, keyId: string): ServiceAccount | undefined;
  /** @returns the account that is no more */
  revoke(token: Secret): ServiceAccount | undefined;
}

export async function createServiceAccounts(): Promise<ServiceAccounts> {
  const accounts = new Map<string, ServiceAccount>();
  const byToken = new Map<string, string>();
  const keys = await keyPair.get();

  return {
    create(address, options) {
      const { account, token } = mint(address, options, keys);
      accounts.set(account.email, account);
      byToken.set(token, account.email);
      return new Secret(token);
    },
    find(email, keyId) {
      const account = accounts.get(email);
      return account?.keyId === keyId ? account : undefined;
    },
    revoke(token) {
      const email = byToken.get(token.reveal()) ?? '';
      const account = accounts.get(email);
      accounts.delete(email);
      return account;
    },
  };
}

function mint(address: string, options: TokenOptions, keys: KeyPair): { account: ServiceAccount; token: string } {
  const email = `${newId().slice(0, 13)}@1passwordserviceaccounts.com`;
  const keyId = keyCharacters(6);
  const x = randomBytes(32);
  const salt = randomBytes(16);
  const master: SymmetricKey = { kid: 'mp', bytes: randomBytes(32) };
  const keysetId = newId();
  const userAuth = { method: 'SRPg-4096', alg: 'PBES2g-HS256', iterations: 650_000, salt: base64url(salt) };
  const sees = (vault: string) => options.vaults?.some((name) => sameName(name, vault)) ?? true;
  const token = {
    signInAddress: address,
    userAuth,
    email,
    srpX: x.toString('hex'),
    muk: {
      alg: 'A256GCM',
      ext: true,
      k: base64url(master.bytes),
      key_ops: ['encrypt', 'decrypt'],
      kty: 'oct',
      kid: 'mp',
    },
    secretKey: ['A3', keyId, keyCharacters(6), ...Array.from({ length: 4 }, () => keyCharacters(5))].join('-'),
    throttleSecret: { seed: randomBytes(32).toString('hex'), uuid: newUpperId() },
    deviceUuid: newId(),
  };
  return {
    token: `ops_${base64url(Buffer.from(JSON.stringify(token)))}`,
    account: {
      email,
      keyId,
      salt,
      verifier: verifierOf(x),
      userId: newUpperId(),
      userAuth,
      keysetId,
      keyset: keyset(master, keysetId, keys),
      keys,
      mayRead: sees,
      mayWrite: (vault) => sees(vault) && options.access !== 'read',
    },
  };
}
