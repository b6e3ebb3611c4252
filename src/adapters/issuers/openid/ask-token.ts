import type { FlowError } from '../../../foundation/errors.ts';
import { connectionEnded } from '../../../foundation/http.ts';
import { scrub } from '../../../foundation/scrub.ts';
import { Secret } from '../../../foundation/secret.ts';
import type { ClientAuthentication, Credential, Token, TokenRequest } from '../contract.ts';
import type { Metadata } from '../../openid-client/discovery.ts';
import { translate } from '../../openid-client/library-errors.ts';
import { assertionHeader, basicHeader, importClientKey } from './client-authentication.ts';
import type { JwtChecks } from './jwt-checks.ts';
import { quotasOf, quotaWarning } from './quota-headers.ts';
import { type Classified, classify, refusalOf } from './refusals.ts';
import { readTokenAnswer } from './token-answer.ts';
import { asksScope, grantedScope } from './token-request.ts';
import type { Transport } from './transport.ts';

export interface AskTokenOptions {
  readonly development: boolean;
  readonly transport: Transport;
  readonly jwt: JwtChecks;
  readonly now: () => number;
}

/** A token request with one credential. */
export interface Attempt {
  readonly request: TokenRequest;
  readonly parameters: URLSearchParams;
  readonly metadata: Metadata;
  readonly authentication: ClientAuthentication;
  readonly credential: Credential;
  readonly secret: Secret;
}

export interface Refused {
  readonly refused: FlowError;
  /** another live client secret may be accepted */
  readonly credential: boolean;
  /** the answer asks for Basic (RFC 6749, section 5.2) */
  readonly challenged: boolean;
}

/** Sends token requests by openid-client, and takes nothing that is not as it was asked for. */
export function createAskToken({ development, transport, jwt, now }: AskTokenOptions) {
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

  async function ask(attempt: Attempt): Promise<Token | Refused> {
    const { request, metadata, secret } = attempt;
    const openid = await import('openid-client');
    // what an issuer sends may be what it was sent
    const shown = (text: string) => scrub(text, [secret.reveal()]) ?? 'withheld, it repeats a secret';
    let refusal: (Classified & { readonly challenged: boolean }) | undefined;
    const sentAt = now();
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
        if (said === undefined) return Response.json(await readTokenAnswer(response));
        const secrets = [secret.reveal(), body?.get('client_assertion') ?? ''];
        const challenged = /(?:^|,)\s*basic(?:\s|,|$)/i.test(response.headers.get('www-authenticate') ?? '');
        refusal = { ...classify(said, { secrets, clientId: request.clientId }), challenged };
        throw refusal.error;
      };
      const answer = await openid.clientCredentialsGrant(configuration, attempt.parameters);
      const told = answer.expires_in === undefined ? undefined : Math.floor(sentAt / 1000 + answer.expires_in);
      const own =
        request.tokenFormat === 'jwt' ? await jwt.accept(answer.access_token, request, metadata, shown) : undefined;
      if (answer.scope === undefined && own?.scope === undefined && own?.tellsScope === true && asksScope(request)) {
        request.warn(
          'the issuer tells no granted scope, neither beside the token nor in it: it may have dropped what it does not know',
        );
      }
      const scope = grantedScope(request, answer.scope ?? own?.scope, shown);
      const expiresAt = told === undefined ? own?.expires : Math.min(told, own?.expires ?? told);
      const audience = [request.audience ?? [], request.resource ?? []].flat();
      return { accessToken: new Secret(answer.access_token), tokenType: 'Bearer', expiresAt, scope, audience };
    } catch (error) {
      if (refusal === undefined) throw translate(error);
      return { refused: refusal.error, credential: refusal.credential, challenged: refusal.challenged };
    }
  }

  return {
    ask: (attempt: Attempt): Promise<Token | Refused> =>
      ask(attempt).catch((error: unknown) => {
        if (attempt.authentication !== 'private_key_jwt' || !connectionEnded(error)) throw error;
        return ask(attempt);
      }),
    requests: () => requests,
  };
}
