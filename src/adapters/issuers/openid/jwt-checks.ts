import { awake, systemClock } from '../../../foundation/clocks.ts';
import { FlowError } from '../../../foundation/errors.ts';
import type { Secret } from '../../../foundation/secret.ts';
import { claimAt, scopesOf } from '../../../verify/required-claims.ts';
import type { JwtProblem, JwtRejection, JwtRules, VerifiedJwt } from '../../../verify/jwt.ts';
import type { KeySet } from '../../../verify/key-set.ts';
import type { Attribution, Expectations, TokenRequest, VerifiedToken } from '../contract.ts';
import type { Metadata } from '../../openid-client/discovery.ts';
import { translate } from '../../openid-client/library-errors.ts';
import type { Transport } from '../../openid-client/transport.ts';
import { longestLife } from './token-answer.ts';

export interface JwtCheckOptions {
  readonly typ: string | readonly string[] | undefined;
  /** `iss` of its tokens; default that of the metadata, and the one that AD FS names beside it */
  readonly tokenIssuers: readonly string[] | undefined;
  readonly algorithms: readonly string[] | undefined;
  readonly attribution: Attribution | undefined;
  readonly transport: Transport;
  readonly now: () => number;
}

export interface Accepted {
  /** `exp`, epoch seconds; undefined: it says no end that a date has room for */
  readonly expires: number | undefined;
  /** granted scope, where the token tells it */
  readonly scope: string | undefined;
  /** it is of RFC 9068's profile, which tells the scope where one was granted */
  readonly tellsScope: boolean;
  /** `jti`, where it may stand in a log */
  readonly jti: string | undefined;
  /** who acts, where the token says so (RFC 8693, section 4.1) */
  readonly act: unknown;
}

export interface JwtChecks {
  /** A token that the issuer just gave. @param shown what of its text may be shown */
  accept(
    accessToken: string,
    request: TokenRequest,
    metadata: Metadata,
    shown: (text: string) => string,
  ): Promise<Accepted>;
  /** A token from elsewhere. */
  verify(token: Secret, expected: Expectations, metadata: Metadata): Promise<VerifiedToken>;
}

/** seconds that an issuer's clock may be ahead of ours for `nbf` and `iat` of a token it just gave */
const aheadTolerance = 60;

const explanations: Readonly<Record<JwtProblem, readonly [message: string, hint: string]>> = {
  malformed: ['the token is not a signed JWT', 'write `token-format: opaque` where the issuer gives opaque tokens'],
  algorithm: ['the token is signed with an algorithm that is not accepted', "check the issuer's `algorithms`"],
  type: ["the token's `typ` is not that of an access token", "check the issuer's `typ`"],
  key: ["the token is not signed with one of the issuer's keys", 'check that it comes from this issuer'],
  signature: ["the token's signature is wrong", 'check that it comes from this issuer'],
  issuer: ["the token's issuer is another one", "write the issuer's url exactly as its tokens have it"],
  audience: [
    'the token is not for the audience that is asked for',
    'check `audience` and `resource`; some issuers ignore them and want a mapper or a scope',
  ],
  expired: ['the token has expired', "check this machine's clock"],
  'not-yet-valid': ['the token is not valid yet', "check this machine's clock"],
  claim: ['a claim of the token is not as required', 'check `require-claims`, and what the issuer puts into the token'],
};

/** Checks JWTs with the issuer's keys, which are fetched when first needed and kept. */
export function createJwtChecks(options: JwtCheckOptions): JwtChecks {
  const { typ, algorithms, tokenIssuers, attribution, transport, now } = options;
  const { monotonic } = awake({ now, monotonic: systemClock.monotonic });
  let kept: { readonly url: string; readonly keys: KeySet } | undefined;
  const types = typeof typ === 'string' ? [typ] : typ;

  async function keysOf({ jwks_uri: url }: Metadata): Promise<KeySet> {
    if (typeof url !== 'string' || !URL.canParse(url)) {
      throw new FlowError('protocol', "the issuer's discovery document names no key set", {
        hint: 'write `jwks-uri` with the issuer in service.yaml, or `token-format: opaque` where its tokens cannot be verified here',
      });
    }
    const { createKeySet } = await import('../../../verify/key-set.ts');
    if (kept?.url !== url) kept = { url, keys: createKeySet({ url, call: transport.call, monotonic }) };
    return kept.keys;
  }

  async function check(
    token: string,
    metadata: Metadata,
    rules: Pick<JwtRules, 'everyAudience' | 'requiredClaims' | 'clockTolerance'>,
    fresh: boolean,
    shown = (text: string) => text,
  ): Promise<VerifiedJwt> {
    const { JwtRejection, verifyJwt } = await import('../../../verify/jwt.ts');
    const keys = await keysOf(metadata);
    const issuer = tokenIssuers ?? [metadata.issuer, accessTokenIssuer(metadata)].flat();
    const whole: JwtRules = { issuer, algorithms, typ: types, now, ...rules };
    try {
      try {
        return await verifyJwt(token, keys.find, whole);
      } catch (error) {
        // the issuer just gave it: an unknown key is a new one, whatever the cooldown for strangers' tokens says
        const rotated = fresh && error instanceof JwtRejection && ['key', 'signature'].includes(error.problem);
        if (!rotated) throw error;
        await keys.reload();
        return await verifyJwt(token, keys.find, whole);
      }
    } catch (error) {
      throw error instanceof JwtRejection ? explained(error, shown) : translate(error);
    }
  }

  function explained({ problem, claim, detail }: JwtRejection, shown: (text: string) => string): FlowError {
    const [message, hint] = explanations[problem];
    const skew = transport.clockSkew() ?? 0;
    const clock = (problem === 'expired' || problem === 'not-yet-valid') && Math.abs(skew) > 5;
    const facts = [claim, detail === undefined ? undefined : shown(detail)].filter((fact) => fact !== undefined);
    return new FlowError('protocol', [message, ...facts].join(': '), {
      hint: clock
        ? `this machine's clock is ${Math.abs(skew)} s ${skew > 0 ? 'ahead of' : 'behind'} the issuer's`
        : hint,
    });
  }

  return {
    async accept(accessToken, request, metadata, shown) {
      const everyAudience = [
        ...(request.audience === undefined ? [] : [request.audience]),
        ...(request.resource ?? []),
      ];
      const { JwtRejection } = await import('../../../verify/jwt.ts');
      const { header, claims } = await check(
        accessToken,
        metadata,
        { everyAudience, requiredClaims: request.requireClaims, clockTolerance: aheadTolerance },
        true,
        shown,
      );
      const expires = typeof claims['exp'] === 'number' ? claims['exp'] : 0;
      // the tolerance is for a clock that is behind; a token that has expired is of no use
      if (expires * 1000 <= now()) throw explained(new JwtRejection('expired'), shown);
      if (attribution !== undefined) requireAgent(claims, attribution, request.agent);
      const scopes = scopesOf(claims);
      const { jti, act } = claims;
      return {
        expires: expires - now() / 1000 > longestLife ? undefined : expires,
        scope: scopes?.join(' '),
        tellsScope: typeof header['typ'] === 'string' && /^(application\/)?at\+jwt$/i.test(header['typ']),
        jti: typeof jti === 'string' && loggable.test(jti) && shown(jti) === jti ? jti : undefined,
        act,
      };
    },
    async verify(token, expected, metadata) {
      const audience = expected.audience ?? [];
      return check(
        token.reveal(),
        metadata,
        {
          everyAudience: typeof audience === 'string' ? [audience] : audience,
          requiredClaims: expected.requireClaims,
          clockTolerance: expected.clockTolerance ?? 0,
        },
        false,
      );
    },
  };
}

/** It comes from outside, and goes onto the trail. */
const loggable = /^[\x21-\x7e]{1,256}$/;

/** @throws FlowError protocol where the token is not for this agent, by its own words */
function requireAgent(
  claims: Readonly<Record<string, unknown>>,
  { claim, parameter }: Attribution,
  agent: string | undefined,
): void {
  const said = claimAt(claims, claim);
  if (agent !== undefined && said === agent) return;
  const how = said === undefined ? `has no claim ${claim}` : `names another agent in ${claim}`;
  throw new FlowError('protocol', `the token is not attributed to agent "${agent ?? ''}": it ${how}`, {
    hint: `the issuer must make the claim of the parameter ${parameter}: see attribution in infra/README.md`,
  });
}

/** AD FS has one identifier for itself and another in its access tokens, and says so in its document. */
function accessTokenIssuer({ access_token_issuer: other }: Metadata): string | readonly string[] {
  return typeof other === 'string' ? other : [];
}
