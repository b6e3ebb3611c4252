import { createHash, randomBytes } from 'node:crypto';
import { type Assertion, checkAssertion, type KnownPasskey, type PasskeyProblem } from './passkey.ts';

/**
 * What a person signs who approves, denies, or has a code revealed: not a click, but a statement that names the decision, who made it, for how
 * long, and the digest of exactly what was shown. The challenge of the passkey is made of it, so that nobody can say
 * afterwards that something else was meant, and anybody can check it without the broker.
 */
export interface Statement {
  readonly v: 1;
  /** id of the approval, or of what is revealed to the person alone */
  readonly approval: string;
  readonly decision: 'approve' | 'deny' | 'reveal';
  /** who, by the name in policy.yaml */
  readonly approver: string;
  readonly scope: 'call' | 'run' | 'session';
  /** calls that it is good for; null: any number */
  readonly uses: number | null;
  /** seconds that it is good for: from the last yes that it needs on; of `reveal`, from `asked` on */
  readonly lasts: number;
  /** SHA-256 of what is bound, base64url */
  readonly digest: string;
  /** 32 random bytes, base64url */
  readonly nonce: string;
  /** of the page on which it was shown */
  readonly origin: string;
  /** when it was shown, by the broker's clock, ISO 8601 */
  readonly asked: string;
}

interface Decided {
  /** {@link Statement} as JSON: the very text that was signed */
  readonly statement: string;
  /** canonical JSON of all that is approved */
  readonly bound: string;
}

/** A decision by a passkey, as it stands on the trail: all that whoever checks it needs, but the key, which stands in policy.yaml. */
export interface PasskeyDecision extends Decided {
  readonly rpId: string;
  readonly credential: {
    readonly id: string;
    readonly algorithm: string;
    readonly publicKey: string;
    /** no person answered, but a key in a process of the laptop */
    readonly software?: true;
  };
  readonly clientDataJSON: string;
  readonly authenticatorData: string;
  readonly signature: string;
}

/** A decision by a sign-in that was made for it: signed by the issuer, and worth what that is worth. */
export interface IssuerDecision extends Decided {
  /** its `nonce` is the challenge that is made of the statement */
  readonly idToken: string;
  /** the issuer's public key, as the broker found it then (JWK) */
  readonly issuerKey: Readonly<Record<string, unknown>>;
}

/** A decision as it stands on the trail, with what proves whose it is. */
export type SignedDecision = PasskeyDecision | IssuerDecision;

const domain = 'flows approval v1\n';

/** A statement as the text that is signed. */
export function statementText(facts: Omit<Statement, 'v' | 'nonce'>): string {
  const { approval, decision, approver, scope, uses, lasts, digest, origin, asked } = facts;
  const nonce = randomBytes(32).toString('base64url');
  const whole: Statement = { v: 1, approval, decision, approver, scope, uses, lasts, digest, nonce, origin, asked };
  return JSON.stringify(whole);
}

/** SHA-256 of what is bound, base64url. @param bound canonical JSON */
export function boundDigest(bound: string): string {
  return createHash('sha256').update(bound).digest('base64url');
}

/** What a passkey signs, and a sign-in has as its nonce. */
export function challengeOf(statement: string): Buffer {
  return createHash('sha256').update(domain).update(statement).digest();
}

/** Why a decision by a passkey is not what it says. */
export type DecisionProblem = PasskeyProblem | 'statement' | 'digest' | 'unknown-key';

/**
 * Whether somebody signed this decision with a key that is theirs. It cannot tell that the nonce was fresh, that the
 * counter grew, or whose key it really was: that is what the broker looked at, and what enrolment was for.
 * @param keys those of the approver whom the statement names, as policy.yaml has them: never what the line says
 */
export function checkDecision(
  signed: PasskeyDecision,
  keys: (approver: string) => readonly KnownPasskey[],
): { readonly statement: Statement } | { readonly problem: DecisionProblem } {
  const statement = statementIn(signed.statement);
  if (statement === undefined) return { problem: 'statement' };
  if (boundDigest(signed.bound) !== statement.digest) return { problem: 'digest' };
  const key = keys(statement.approver).find(({ id }) => id === signed.credential.id);
  if (key === undefined) return { problem: 'unknown-key' };
  const assertion: Assertion = { ...signed, id: signed.credential.id };
  const rules = { challenge: challengeOf(signed.statement), origin: statement.origin, rpId: signed.rpId };
  const found = checkAssertion(assertion, key, rules);
  return 'problem' in found ? found : { statement };
}

const fields = ['approval', 'decision', 'approver', 'scope', 'digest', 'nonce', 'origin', 'asked'] as const;

/** A statement's text, read; undefined where it is none of ours, or was written otherwise than we write it. */
export function statementIn(text: string): Statement | undefined {
  let value: Partial<Record<keyof Statement, unknown>>;
  try {
    value = JSON.parse(text) as typeof value;
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || value.v !== 1) return undefined;
  const { uses, lasts } = value;
  const isCount = (each: unknown) => typeof each === 'number' && Number.isSafeInteger(each) && each >= 0;
  if (!fields.every((name) => typeof value[name] === 'string')) return undefined;
  if (!isCount(lasts) || !(uses === null || isCount(uses))) return undefined;
  const statement = value as Statement;
  if (
    !['approve', 'deny', 'reveal'].includes(statement.decision) ||
    !['call', 'run', 'session'].includes(statement.scope)
  )
    return undefined;
  const { v, approval, decision, approver, scope, digest, nonce, origin, asked } = statement;
  const again = { v, approval, decision, approver, scope, uses, lasts, digest, nonce, origin, asked };
  // one text for each statement: a key that stands twice could be read in two ways
  return JSON.stringify(again) === text ? statement : undefined;
}
