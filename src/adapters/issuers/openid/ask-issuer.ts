import type { Configuration } from 'openid-client';
import { FlowError } from '../../../foundation/errors.ts';
import { connectionEnded } from '../../../foundation/http.ts';
import { scrub } from '../../../foundation/scrub.ts';
import { Secret } from '../../../foundation/secret.ts';
import type { ExchangeRequest, RevocationRequest, Token, TokenRequest } from '../contract.ts';
import { translate } from '../../openid-client/library-errors.ts';
import type { Attempt, Refused } from './as-client.ts';
import { assertionHeader, basicHeader, importClientKey } from './client-authentication.ts';
import type { JwtChecks } from './jwt-checks.ts';
import { quotasOf, quotaWarning } from './quota-headers.ts';
import { type Classified, classify, refusalOf } from './refusals.ts';
import { readTokenAnswer } from './token-answer.ts';
import { asksScope, grantedScope } from './token-request.ts';
import type { Transport } from './transport.ts';

export interface AskIssuerOptions {
  readonly development: boolean;
  readonly transport: Transport;
  readonly jwt: JwtChecks;
  readonly now: () => number;
}

/** A token, and what a token exchange says of it besides. */
export interface GivenToken extends Token {
  readonly issuedTokenType: string | undefined;
  readonly act: unknown;
}

type OpenIdClient = typeof import('openid-client');

const grants = {
  credentials: 'client_credentials',
  exchange: 'urn:ietf:params:oauth:grant-type:token-exchange',
} as const;

/** Sends requests by openid-client, and takes nothing that is not as it was asked for. */
export function createAskIssuer({ development, transport, jwt, now }: AskIssuerOptions) {
  let requests = 0;

  async function authenticationOf({ authentication, credential, secret, request, metadata }: Attempt) {
    const openid = await import('openid-client');
    const ways = {
      client_secret_post: () => openid.ClientSecretPost(secret.reveal()),
      client_secret_basic: (): ReturnType<typeof openid.None> => (_, client, _body, headers) => {
        headers.set('authorization', basicHeader(client.client_id, secret));
      },
      private_key_jwt: async () => {
        const { assertion = {} } = request;
        const key = await importClientKey(secret, credential, metadata);
        const header = await assertionHeader(assertion, key);
        return openid.PrivateKeyJwt(key, {
          [openid.modifyAssertion]: (parts, claims) => {
            Object.assign(parts, header);
            if (assertion.audience !== undefined) claims['aud'] = assertion.audience;
          },
        });
      },
    };
    return ways[authentication]();
  }

  /**
   * One request, with whatever authenticates the client.
   * @param secrets what it sends besides, and what is therefore never shown
   * @param read what of the answer is used
   */
  async function once<T>(
    attempt: Attempt,
    secrets: readonly string[],
    read: (response: Response) => Promise<Response>,
    work: (openid: OpenIdClient, configuration: Configuration) => Promise<T>,
  ): Promise<T | Refused> {
    const { request, metadata, secret } = attempt;
    const openid = await import('openid-client');
    let refusal: (Classified & { readonly challenged: boolean }) | undefined;
    try {
      const method = await authenticationOf(attempt);
      // an assertion's times are the issuer's, where its clock is known
      const skew = Math.round((now() - Date.now()) / 1000) - (transport.clockSkew() ?? 0);
      const configuration = new openid.Configuration(metadata, request.clientId, { [openid.clockSkew]: skew }, method);
      if (development) openid.allowInsecureRequests(configuration);
      configuration[openid.customFetch] = async (address, init) => {
        requests += 1;
        const body = init.body instanceof URLSearchParams ? init.body : undefined;
        const response = await transport.call(address, {
          method: init.method,
          headers: init.headers,
          body: body ?? null,
          signal: request.signal ?? null,
          // a token that nobody got is nothing; an assertion is taken once, so another one is made for it
          repeatable: attempt.authentication !== 'private_key_jwt',
        });
        for (const quota of quotasOf(response.headers)) {
          const warning = quotaWarning(quota);
          if (warning !== undefined) request.warn(warning);
        }
        const said = await refusalOf(response, now());
        if (said === undefined) return read(response);
        const hidden = [secret.reveal(), body?.get('client_assertion') ?? '', ...secrets];
        const challenged = /(?:^|,)\s*basic(?:\s|,|$)/i.test(response.headers.get('www-authenticate') ?? '');
        refusal = { ...classify(said, { secrets: hidden, clientId: request.clientId }), challenged };
        throw refusal.error;
      };
      return await work(openid, configuration);
    } catch (error) {
      if (refusal === undefined) throw translate(error);
      return { refused: refusal.error, credential: refusal.credential, challenged: refusal.challenged };
    }
  }

  const asked: typeof once = (attempt, ...rest) =>
    once(attempt, ...rest).catch((error: unknown) => {
      if (attempt.authentication !== 'private_key_jwt' || !connectionEnded(error)) throw error;
      return once(attempt, ...rest);
    });

  async function token(
    attempt: Attempt<TokenRequest | ExchangeRequest>,
    parameters: URLSearchParams,
  ): Promise<GivenToken | Refused> {
    const { request, metadata, secret } = attempt;
    const exchanged = 'subject' in request ? [request.subject, request.actor] : [];
    const sent = exchanged.flatMap((each) => each?.token.reveal() ?? []);
    // what an issuer sends may be what it was sent
    const shown = (text: string) => scrub(text, [secret.reveal(), ...sent]) ?? 'withheld, it repeats a secret';
    const read = async (response: Response) => Response.json(await readTokenAnswer(response));
    const sentAt = now();
    return asked(attempt, sent, read, async (openid, configuration) => {
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
    const whole = (response: Response) => Promise.resolve(response);
    return asked(attempt, [token.reveal()], whole, async (openid, configuration) => {
      await openid.tokenRevocation(configuration, token.reveal(), parameters);
      return {};
    });
  }

  return { token, revoke, requests: () => requests };
}
