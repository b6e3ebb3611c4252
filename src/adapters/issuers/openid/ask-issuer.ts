import { FlowError } from '../../../foundation/errors.ts';
import { scrub } from '../../../foundation/scrub.ts';
import { Secret } from '../../../foundation/secret.ts';
import type { ExchangeRequest, RevocationRequest, Token, TokenRequest } from '../contract.ts';
import type { Attempt, Refused } from '../../openid-client/as-client.ts';
import { type ClientRequestsOptions, createClientRequests } from '../../openid-client/client-requests.ts';
import type { JwtChecks } from './jwt-checks.ts';
import { readTokenAnswer } from './token-answer.ts';
import { asksScope, grantedScope } from './token-request.ts';

export interface AskIssuerOptions extends ClientRequestsOptions {
  readonly jwt: JwtChecks;
}

/** A token, and what a token exchange says of it besides. */
export interface GivenToken extends Token {
  readonly issuedTokenType: string | undefined;
  readonly act: unknown;
}

const grants = {
  credentials: 'client_credentials',
  exchange: 'urn:ietf:params:oauth:grant-type:token-exchange',
} as const;

/** Asks for tokens, and takes nothing that is not as it was asked for. */
export function createAskIssuer({ jwt, ...options }: AskIssuerOptions) {
  const { now } = options;
  const requests = createClientRequests(options);

  async function token(
    attempt: Attempt<TokenRequest | ExchangeRequest>,
    parameters: URLSearchParams,
  ): Promise<GivenToken | Refused> {
    const { request, metadata, secret } = attempt;
    const exchanged = 'subject' in request ? [request.subject, request.actor] : [];
    const sent = exchanged.flatMap((each) => each?.token.reveal() ?? []);
    // what an issuer sends may be what it was sent
    const shown = (text: string) => scrub(text, [secret.reveal(), ...sent]) ?? 'withheld, it repeats a secret';
    const sentAt = now();
    return requests.send(attempt, {
      secrets: sent,
      read: async (response) => Response.json(await readTokenAnswer(response)),
      async work(openid, configuration) {
        const grant = 'subject' in request ? grants.exchange : grants.credentials;
        const answer = await openid.genericGrantRequest(configuration, grant, parameters);
        const told = answer.expires_in === undefined ? undefined : Math.floor(sentAt / 1000 + answer.expires_in);
        const own =
          request.tokenFormat === 'jwt' ? await jwt.accept(answer.access_token, request, metadata, shown) : undefined;
        if (answer.scope === undefined && own?.scope === undefined && own?.tellsScope === true && asksScope(request)) {
          request.warn(
            'the issuer tells no granted scope, neither beside the token nor in it: it may have dropped what it does not know',
          );
        }
        return {
          accessToken: new Secret(answer.access_token),
          tokenType: 'Bearer',
          expiresAt: told === undefined ? own?.expires : Math.min(told, own?.expires ?? told),
          scope: grantedScope(request, answer.scope ?? own?.scope, shown),
          audience: [request.audience ?? [], request.resource ?? []].flat(),
          jti: own?.jti,
          issuedTokenType: typeof answer['issued_token_type'] === 'string' ? answer['issued_token_type'] : undefined,
          act: own?.act,
        };
      },
    });
  }

  async function revoke(attempt: Attempt<RevocationRequest>): Promise<object | Refused> {
    const { token, tokenTypeHint } = attempt.request;
    if (attempt.metadata.revocation_endpoint === undefined) {
      throw new FlowError('refused', 'the issuer names no endpoint that revokes tokens', {
        hint: 'write `revocation-endpoint` with the issuer in service.yaml, if it has one',
      });
    }
    const parameters = tokenTypeHint === undefined ? {} : { token_type_hint: tokenTypeHint };
    return requests.send(attempt, {
      secrets: [token.reveal()],
      async work(openid, configuration) {
        await openid.tokenRevocation(configuration, token.reveal(), parameters);
        return {};
      },
    });
  }

  return { token, revoke, requests: requests.count };
}
