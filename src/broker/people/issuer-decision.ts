import { createPublicKey } from 'node:crypto';
import type { Trust } from '../../folder/policy/policy.ts';
import {
  boundDigest,
  challengeOf,
  type IssuerDecision,
  type Statement,
  statementIn,
} from '../../foundation/approval-statement.ts';
import type { JwtProblem } from '../../verify/jwt.ts';
import { compileClaims } from '../authentication/claim-patterns.ts';

/** Why a sign-in does not prove a decision: what is wrong with its ID token, or what that is not about. */
export type SignInProblem = JwtProblem | 'statement' | 'digest' | 'subject' | 'nonce' | 'auth-time';

/** seconds that clocks may differ: the issuer's, and that of whoever looks */
const clockTolerance = 60;
/** seconds that a time in whole seconds may be off */
const rounding = 2;

/**
 * Whether a person signed in for this very decision, at an issuer that policy trusts for them: the ID token names the
 * statement, and the sign-in is no older than the question. It holds what the issuer says, who can say anything: the key
 * is the one that the broker found.
 * @param trust of the approver whom the statement names, as policy.yaml has it: never what the line says
 * @param at when it came, epoch milliseconds
 * @example
 * const found = await checkIssuerDecision(signed, () => ann.trust, Date.parse(line.at));
 * if ('problem' in found) throw new Error(found.problem); // 'nonce', 'subject', 'auth-time', …
 */
export async function checkIssuerDecision(
  signed: IssuerDecision,
  trust: (approver: string) => readonly Trust[],
  at: number,
): Promise<{ readonly statement: Statement } | { readonly problem: SignInProblem }> {
  const statement = statementIn(signed.statement);
  if (statement === undefined) return { problem: 'statement' };
  if (boundDigest(signed.bound) !== statement.digest) return { problem: 'digest' };
  const trusted = trust(statement.approver);
  const read = await claimsOf(signed, trusted, at);
  if ('problem' in read) return read;
  const { claims } = read;
  const there = trusted.filter((each) => issuersOf(each).includes(String(claims['iss'])));
  const meant = there.filter(({ audience }) => isFor(claims, audience));
  if (meant.length === 0) return { problem: 'audience' };
  if (!meant.some((each) => compileClaims(each)(claims) === undefined)) return { problem: 'subject' };
  if (claims['nonce'] !== challengeOf(signed.statement).toString('base64url')) return { problem: 'nonce' };
  return isSince(Date.parse(statement.asked), claims, at) ? { statement } : { problem: 'auth-time' };
}

async function claimsOf({ idToken, issuerKey }: IssuerDecision, trusted: readonly Trust[], now: number) {
  const { JwtRejection, verifyJwt } = await import('../../verify/jwt.ts');
  const issuer = trusted.flatMap(issuersOf);
  if (issuer.length === 0) return { problem: 'issuer' } as const;
  try {
    // an access token (`at+jwt`) is made for other things
    const rules = { issuer, typ: ['jwt', undefined], clockTolerance, now: () => now };
    return await verifyJwt(idToken, () => Promise.resolve(keyOf(issuerKey)), rules);
  } catch (error) {
    return { problem: error instanceof JwtRejection ? error.problem : 'key' } as const;
  }
}

function keyOf(jwk: IssuerDecision['issuerKey']) {
  return createPublicKey({ key: { ...jwk }, format: 'jwk' });
}

const issuersOf = ({ issuer, tokenIssuers = [issuer] }: Trust): readonly string[] => tokenIssuers;

/** For this client alone, or for others too where this one asked for it (OpenID Connect Core, section 3.1.3.7). */
function isFor({ aud, azp }: Readonly<Record<string, unknown>>, client: string): boolean {
  const audiences: readonly unknown[] = [aud].flat();
  return audiences.includes(client) && (azp === undefined ? audiences.length === 1 : azp === client);
}

/** By the issuer's own clock the sign-in is no older than the question is by ours: neither need be right. */
function isSince(asked: number, { iat, auth_time: signedIn }: Readonly<Record<string, unknown>>, at: number): boolean {
  if (typeof iat !== 'number' || typeof signedIn !== 'number') return false;
  const age = iat - signedIn;
  return age >= -rounding && age <= (at - asked) / 1_000 + rounding;
}
