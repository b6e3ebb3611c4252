import type { Token } from '../adapters/issuers/contract.ts';
import type { Output, Shown } from './output.ts';

/** A token response as RFC 6749 section 5.1 names them, `expires_at` in epoch seconds, and what the token is for. */
export interface TokenJson {
  readonly access_token: string;
  readonly token_type: string;
  readonly expires_in?: number;
  readonly expires_at?: number;
  readonly scope?: string;
  readonly audience?: readonly string[];
}

/** @param now epoch milliseconds */
export function tokenJson({ accessToken, tokenType, expiresAt, scope, audience = [] }: Token, now: number): TokenJson {
  return {
    access_token: accessToken.reveal(),
    token_type: tokenType,
    ...(expiresAt === undefined
      ? {}
      : { expires_in: Math.max(0, Math.floor(expiresAt - now / 1000)), expires_at: expiresAt }),
    ...(scope === undefined ? {} : { scope }),
    ...(audience.length === 0 ? {} : { audience }),
  };
}

/** What each part of an answer is, beside its JSON: so it can be shown elsewhere as the command shows it. */
export type OutputKinds = Shown['as'] | 'none' | Readonly<Record<string, Shown['as']>>;

export function outputKinds(output: Output): OutputKinds {
  if (output.kind === 'none') return 'none';
  if (output.kind === 'scalar') return output.value.as;
  return Object.fromEntries(output.entries.map(([name, { as }]) => [name, as]));
}

/** The answer as JSON, secrets included: it is what was asked for. */
export function outputJson(output: Output, now: number): unknown {
  if (output.kind === 'none') return {};
  if (output.kind === 'scalar') return valueJson(output.value, now);
  return Object.fromEntries(output.entries.map(([name, value]) => [name, valueJson(value, now)]));
}

function valueJson(value: Shown, now: number): unknown {
  switch (value.as) {
    case 'plain':
      return value.value;
    case 'reference':
      return value.value.toString();
    case 'secret':
      return value.value.reveal();
    case 'token':
      return tokenJson(value.token, now);
    case 'one-time-code':
      return { code: value.code.reveal(), valid_for: secondsLeft(value.validUntil, now) };
  }
}

/** Whole seconds, rounded up. @param now epoch milliseconds */
export function secondsLeft(validUntil: number, now: number): number {
  return Math.max(0, Math.ceil((validUntil - now) / 1000));
}
