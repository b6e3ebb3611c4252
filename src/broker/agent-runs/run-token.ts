import type { KeyObject } from 'node:crypto';
import { calculateJwkThumbprint, exportJWK, SignJWT } from 'jose';
import { type Ed25519Key, ed25519KeyOf } from '../../foundation/ed25519.ts';
import { Secret } from '../../foundation/secret.ts';
import { runTokenType as typ } from './run-token-type.ts';
import { JwtRejection, verifyJwt } from '../../verify/jwt.ts';

/** What a token of an agent run says. Whether the run still goes on, and what it may have, is in the ledger. */
export interface RunClaims {
  readonly run: string;
  readonly root: string;
  readonly parent: string | undefined;
  readonly agent: string;
  /** the agent that began it, where it is another one (RFC 8693, section 4.1) */
  readonly begunBy: string | undefined;
  /** RFC 7638 thumbprint of the key that every request must prove (RFC 9449) */
  readonly jkt: string | undefined;
  /** epoch seconds */
  readonly expires: number;
  readonly id: string;
}

export interface RunTokens {
  /** who mints them and whom they are for: this installation, by the thumbprint of its key */
  readonly installation: string;
  mint(claims: RunClaims): Promise<Secret>;
  /** What it says; or why it is no token of ours, or none any more. */
  read(token: string): Promise<RunClaims | { readonly problem: string }>;
}

const nobody = new JwtRejection('malformed');

/**
 * Tokens of agent runs: JWTs signed with Ed25519. Only the broker that minted one is asked with it, and nobody else's
 * key or algorithm is ever looked at.
 * @param seeds 32 bytes each, derived from the environment's `key:`; the first signs
 * @param now epoch milliseconds
 */
export async function createRunTokens(
  seeds: readonly [Uint8Array, ...Uint8Array[]],
  now: () => number,
): Promise<RunTokens> {
  const [first, ...others] = await Promise.all(seeds.map(keyOf));
  if (first === undefined) throw new TypeError('there is no key for the tokens of agent runs');
  const known = new Map([first, ...others].map((key) => [key.installation, key]));
  const { installation } = first;
  return {
    installation,
    async mint({ run, root, parent, agent, begunBy, jkt, expires, id }) {
      const token = new SignJWT({
        run,
        root,
        ...(parent === undefined ? {} : { parent }),
        ...(begunBy === undefined ? {} : { act: { sub: begunBy } }),
        ...(jkt === undefined ? {} : { cnf: { jkt } }),
      });
      token.setProtectedHeader({ alg: 'EdDSA', typ, kid: installation });
      token.setIssuer(installation).setAudience(installation).setSubject(agent).setJti(id);
      token.setIssuedAt(new Date(now())).setExpirationTime(expires);
      return new Secret(await token.sign(first.secret));
    },
    read: (token) => read(token).catch(problemOf),
  };

  async function read(token: string): Promise<RunClaims> {
    const issuer = [...known.keys()];
    const key = ({ kid }: { kid?: string }): KeyObject => {
      const found = known.get(kid ?? '');
      if (found === undefined) throw nobody;
      return found.public;
    };
    const rules = { issuer, anyAudience: issuer, algorithms: ['EdDSA'], typ: [typ], clockTolerance: 0, now };
    const { claims } = await verifyJwt(token, key, rules);
    const { run, root, parent, sub, act, cnf, exp, jti } = claims;
    return {
      run: text(run),
      root: text(root),
      parent: parent === undefined ? undefined : text(parent),
      agent: text(sub),
      begunBy: act === undefined ? undefined : text(member(act, 'sub')),
      jkt: cnf === undefined ? undefined : text(member(cnf, 'jkt')),
      expires: Number(exp),
      id: text(jti),
    };
  }
}

interface Key extends Ed25519Key {
  readonly installation: string;
}

async function keyOf(seed: Uint8Array): Promise<Key> {
  const key = ed25519KeyOf(seed);
  return { ...key, installation: `urn:flows:${await calculateJwkThumbprint(await exportJWK(key.public))}` };
}

function problemOf(error: unknown): { readonly problem: string } {
  if (error instanceof JwtRejection) return { problem: error.message };
  throw error;
}

/** We signed it, so it holds what we put there. */
function text(value: unknown): string {
  if (typeof value !== 'string') throw nobody;
  return value;
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}
