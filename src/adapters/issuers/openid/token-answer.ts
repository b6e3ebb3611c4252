import { FlowError } from '../../../foundation/errors.ts';

/** What of a token endpoint's answer is used (RFC 6749, section 5.1). */
export interface TokenAnswer {
  readonly access_token: string;
  /** as it is sent in a header, lower-case */
  readonly token_type: 'bearer';
  /** seconds, above zero */
  readonly expires_in?: number;
  readonly scope?: string;
  /** of a token exchange (RFC 8693, section 2.2.1) */
  readonly issued_token_type?: string;
}

/** what may be told: any other text could be what the issuer was sent */
const otherTypes = ['dpop', 'mac', 'pop', 'n_a', 'jwt'];

/**
 * A token answer as RFC 6749 has it, where what is meant is plain: members that are null are not there, Apigee's
 * `BearerToken` is Bearer, a lifetime may be text, a scope may be a list. An ID token and a refresh token are not for
 * machines, so that nothing of them matters.
 * @throws FlowError protocol, naming the member
 */
export async function readTokenAnswer(response: Response): Promise<TokenAnswer> {
  // servers name it text/json, text/plain or nothing: its form is what tells
  const body: unknown = await response.json().catch(() => undefined);
  if (body === undefined) throw notAnswer('is not JSON');
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw notAnswer('is no JSON object');
  const members: Readonly<Record<string, unknown>> = { ...body };
  const { access_token: token, token_type: kind } = members;
  if (typeof token !== 'string' || token === '') throw notAnswer('has no `access_token`');
  // it comes to stand in a header
  if (!/^[\x21-\x7e]+$/.test(token)) throw notAnswer('has an `access_token` with characters that a token may not have');
  if (typeof kind !== 'string' || kind === '') throw notAnswer('has no `token_type`');
  if (!/^\s*bearer(?:token)?\s*$/i.test(kind)) {
    const known = otherTypes.find((type) => type === kind.trim().toLowerCase());
    throw notAnswer(`has a \`token_type\` that is not Bearer${known === undefined ? '' : `: ${known}`}`);
  }
  const seconds = lifetime(members['expires_in']);
  const scope = scopeText(members['scope']);
  const issued = members['issued_token_type'];
  return {
    access_token: token,
    token_type: 'bearer',
    ...(seconds === undefined ? {} : { expires_in: seconds }),
    ...(scope === undefined ? {} : { scope }),
    ...(typeof issued === 'string' ? { issued_token_type: issued } : {}),
  };
}

/** seconds, a thousand years: what claims to live longer says nothing of its end, and no date has room for it */
export const longestLife = 31_557_600_000;

function lifetime(given: unknown): number | undefined {
  if (given === undefined || given === null || given === '') return undefined;
  const seconds = typeof given === 'string' && /^\s*-?\d{1,15}(?:\.\d+)?\s*$/.test(given) ? Number(given) : given;
  if (typeof seconds !== 'number' || !Number.isFinite(seconds))
    throw notAnswer('has an `expires_in` that is no number');
  if (seconds > longestLife) return undefined;
  if (seconds > 0) return seconds;
  throw notAnswer(`gives a token that has expired already: \`expires_in\` is ${seconds}`);
}

function scopeText(given: unknown): string | undefined {
  if (given === undefined || given === null) return undefined;
  const parts: readonly unknown[] = Array.isArray(given) ? given : [given];
  if (parts.every((part) => typeof part === 'string')) return parts.join(' ');
  throw notAnswer('has a `scope` that is neither text nor a list of texts');
}

function notAnswer(what: string): FlowError {
  return new FlowError('protocol', `the issuer's answer ${what}`, {
    hint: "compare the token endpoint's answer with RFC 6749, section 5.1, or check the issuer's address",
  });
}
