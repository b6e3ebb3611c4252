import type { Fetch } from '../../../foundation/http.ts';
import { createAsClient } from '../../openid-client/as-client.ts';
import { createDiscovery, type Need } from '../../openid-client/discovery.ts';
import { createTransport } from '../../openid-client/transport.ts';
import type { Attribution, ExchangeRequest, Issuer, TokenRequest } from '../contract.ts';
import { createAskIssuer } from './ask-issuer.ts';
import { exchanged } from './exchanged-token.ts';
import { createJwtChecks } from './jwt-checks.ts';
import { parametersOf } from './token-request.ts';

export interface IssuerOptions {
  /** its name in service.yaml */
  readonly name: string;
  /** the issuer identifier; its discovery document must carry the same */
  readonly url: string;
  /** allows plain http at a loopback address */
  readonly development: boolean;
  /** which discovery document: OpenID Connect's, RFC 8414's, or the one at this address; default oidc */
  readonly discovery?: string | undefined;
  /** told instead of discovered; with both no discovery document is asked for */
  readonly tokenEndpoint?: string | undefined;
  readonly jwksUri?: string | undefined;
  readonly revocationEndpoint?: string | undefined;
  /** `iss` of its tokens; default the issuer identifier */
  readonly tokenIssuers?: readonly string[] | undefined;
  /** `typ` headers of its access tokens; default at+jwt, JWT or none */
  readonly typ?: string | readonly string[] | undefined;
  /** signature algorithms; default all with a public key */
  readonly algorithms?: readonly string[] | undefined;
  /** what its tokens must say of the agent */
  readonly attribution?: Attribution | undefined;
  /** default the global one */
  readonly fetch?: Fetch | undefined;
  /** epoch milliseconds; default Date.now */
  readonly now?: (() => number) | undefined;
  /** milliseconds for each call; default 10,000 */
  readonly deadline?: number | undefined;
}

/** Creates the adapter of an OAuth 2 authorization server, by openid-client and jose. Nothing is contacted yet. */
export function createIssuer(options: IssuerOptions): Issuer {
  const { name, url, development, tokenIssuers, attribution, now = Date.now } = options;
  const transport = createTransport({ development, fetch: options.fetch, deadline: options.deadline, now });
  const discovery = {
    document: options.discovery ?? 'oidc',
    given: {
      token_endpoint: options.tokenEndpoint,
      jwks_uri: options.jwksUri,
      revocation_endpoint: options.revocationEndpoint,
    },
    anyIssuer: tokenIssuers !== undefined,
  };
  const discover = createDiscovery({ url, ...discovery, call: transport.call, now });
  const jwt = createJwtChecks({
    typ: options.typ,
    algorithms: options.algorithms,
    tokenIssuers,
    attribution,
    transport,
    now,
  });
  const issuer = createAskIssuer({ development, transport, jwt, now });
  const asClient = createAsClient(discover);

  async function granted(request: TokenRequest | ExchangeRequest) {
    const parameters = parametersOf(request, attribution);
    const needs: readonly Need[] = request.tokenFormat === 'jwt' ? ['token_endpoint', 'jwks_uri'] : ['token_endpoint'];
    return asClient(request, needs, (attempt) => issuer.token(attempt, parameters));
  }

  return {
    name,
    url,
    discovery,
    attribution,
    async discover(contact = false) {
      const { token_endpoint: endpoint } = await discover();
      if (contact && endpoint !== undefined && endpoint === options.tokenEndpoint) {
        await transport.call(endpoint, { method: 'HEAD' });
      }
    },
    clientCredentials: granted,
    exchange: async (request) => exchanged(request, await granted(request)),
    async revoke(request) {
      await asClient(request, ['revocation_endpoint'], issuer.revoke);
    },
    verify: async (token, expected) => jwt.verify(token, expected, await discover(['jwks_uri'])),
    clockSkew: transport.clockSkew,
    requests: issuer.requests,
  };
}
