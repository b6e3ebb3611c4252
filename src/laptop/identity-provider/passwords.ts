import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import type { Secret } from '../../foundation/secret.ts';

/** A password as it is kept: scrypt with N = 2^14, r = 8, p = 1. */
export interface PasswordHash {
  readonly salt: Buffer;
  readonly key: Buffer;
}

export const shortestPassword = 12;
/** Characters; more would only make the server work. */
export const longestPassword = 1024;

export function acceptablePassword(password: Secret): boolean {
  const { length } = password.reveal();
  return length >= shortestPassword && length <= longestPassword;
}

export async function hashPassword(password: Secret): Promise<PasswordHash> {
  const salt = randomBytes(16);
  return { salt, key: await derive(password, salt) };
}

const nobody: PasswordHash = { salt: randomBytes(16), key: randomBytes(32) };

/** @param hash absent for an unknown user: takes as long, and is false */
export async function passwordFits(password: Secret, hash: PasswordHash | undefined): Promise<boolean> {
  const { salt, key } = hash ?? nobody;
  return timingSafeEqual(await derive(password, salt), key) && hash !== undefined;
}

function derive(password: Secret, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password.reveal(), salt, 32, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}
