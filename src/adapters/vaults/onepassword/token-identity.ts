import { hash } from 'node:crypto';
import type { Secret } from '../../../foundation/secret.ts';
import type { QuotaIdentity } from '../quota.ts';

export interface IdentifiedToken {
  /** The token for a sign-in. What {@link IdentifiedToken.identity} has read already is given once, and not read again. */
  readonly token: () => Promise<Secret>;
  /** Whose the last token was; undefined where it is none of 1Password's, which the vault will refuse. */
  readonly identity: () => Promise<QuotaIdentity | undefined>;
  /** Whether another token is there by now, which is the next sign-in's then; never asks a person, never throws. */
  readonly renewed: () => Promise<boolean>;
  /** epoch milliseconds when the last was read */
  readonly readAt: () => number | undefined;
}

/**
 * Tells whose a service account's token is, without reading it twice: a `command:` may ask a person.
 * @param cheap whether it may be read again at any time, as a file
 */
export function identifiedToken(read: () => Promise<Secret>, cheap = false): IdentifiedToken {
  let reading: Promise<Secret> | undefined;
  let last: { readonly token: Secret; readonly identity: QuotaIdentity | undefined; readonly at: number } | undefined;

  const once = async (): Promise<Secret> => {
    try {
      const token = await read();
      last = { token, identity: identityOf(token), at: Date.now() };
      return token;
    } catch (error) {
      reading = undefined;
      throw error;
    }
  };
  const next = () => (reading ??= once());

  return {
    async token() {
      const token = await next();
      reading = undefined;
      return token;
    },
    async identity() {
      if (last === undefined) await next();
      return last?.identity;
    },
    async renewed() {
      if (!cheap || last === undefined) return false;
      const before = last;
      const token = await read().catch(() => before.token);
      if (token.equals(before.token)) return false;
      reading = Promise.resolve(token);
      last = { token, identity: identityOf(token), at: Date.now() };
      return true;
    },
    readAt: () => last?.at,
  };
}

/** The desktop app's account, by its name. */
export function identifiedAccount(account: string) {
  const id = shortHash('account', account);
  return { account, identity: () => Promise.resolve<QuotaIdentity>({ token: id, account: id }) };
}

/**
 * From the token's fields: its service account's address, and where it signs in. Addresses that begin with `my.` are
 * shared by many accounts, so there each token stands for its own.
 */
function identityOf(token: Secret): QuotaIdentity | undefined {
  try {
    const fields: unknown = JSON.parse(Buffer.from(token.reveal().slice('ops_'.length), 'base64url').toString('utf8'));
    if (typeof fields !== 'object' || fields === null) return undefined;
    const { email, signInAddress } = fields as Record<string, unknown>;
    if (typeof email !== 'string' || typeof signInAddress !== 'string') return undefined;
    const host = signInAddress
      .toLowerCase()
      .replace(/^https?:\/\//, '')
      .replace(/\/$/, '');
    const id = shortHash('token', host, email);
    return { token: id, account: host.startsWith('my.') ? id : shortHash('host', host) };
  } catch {
    return undefined;
  }
}

function shortHash(...parts: readonly string[]): string {
  return hash('sha256', JSON.stringify(parts), 'hex').slice(0, 24);
}
