import { hash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { AgentToken, Policy } from '../../folder/policy/policy.ts';
import { Secret } from '../../foundation/secret.ts';

/**
 * An agent's bearer token: `flows_`, 32 random characters (190 bits), and their CRC-32 in 6 characters, all base62 with
 * digits first. The form is that of GitHub's tokens, so a scanner can tell one from any other text without asking us.
 * Source: https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/
 */
const form = /^flows_([0-9A-Za-z]{32})([0-9A-Za-z]{6})$/;
const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const randomLength = 32;
/** characters of a token: what marks it, what is random, a checksum */
export const bearerLength = 'flows_'.length + randomLength + 6;

export function createBearer(): Secret {
  let text = '';
  while (text.length < randomLength) {
    // 248 is four times 62: of bytes above it some characters would come more often
    for (const byte of randomBytes(48)) if (byte < 248 && text.length < randomLength) text += alphabet[byte % 62];
  }
  return new Secret(`flows_${text}${checksum(text)}`);
}

/** Whether a text is as tokens of ours are. */
export function isBearer(token: string): boolean {
  const [, random, sum] = form.exec(token) ?? [];
  // the checksum is no secret: it need not be compared in constant time
  return random !== undefined && checksum(random) === sum;
}

/** The hash under which a token is known; undefined for what is no token of ours, without hashing it. */
export function bearerHash(token: string): string | undefined {
  return isBearer(token) ? hash('sha256', token, 'hex') : undefined;
}

export interface BearerOwner {
  readonly agent: string;
  /** epoch milliseconds */
  readonly expires: number | undefined;
}

/**
 * Every token that a policy knows, by its hash. Looking one up takes a time that depends on the SHA-256 of what was
 * sent, which nobody can steer towards a hash that is kept: it tells nothing about any token.
 */
export function bearersOf(policy: Policy): ReadonlyMap<string, BearerOwner> {
  const owners = new Map<string, BearerOwner>();
  for (const { name, tokens } of policy.agents.values()) {
    for (const { sha256, expires } of tokens) owners.set(sha256, { agent: name, expires });
  }
  return owners;
}

/** @param now epoch milliseconds */
export function isExpired({ expires }: Pick<AgentToken, 'expires'>, now: number): boolean {
  return expires !== undefined && expires <= now;
}

function checksum(text: string): string {
  let left = crc32(text);
  let sum = '';
  for (let place = 0; place < 6; place += 1) {
    sum = `${alphabet[left % 62]}${sum}`;
    left = Math.floor(left / 62);
  }
  return sum;
}
