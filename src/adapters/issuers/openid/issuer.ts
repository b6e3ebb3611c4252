import { FlowError } from '../../../foundation/errors.ts';
import type { Fetch } from '../../../foundation/http.ts';
import { createDiscovery, type Need } from '../../openid-client/discovery.ts';
import type { ClientAuthentication, Credential, Issuer, Token, TokenRequest } from '../contract.ts';
import { createAskToken, type Refused } from './ask-token.ts';
import { authenticationOf, credentialsOf, otherAuthentication } from './client-authentication.ts';
import { createJwtChecks } from './jwt-checks.ts';
import { parametersOf } from './token-request.ts';
import { createTransport } from './transport.ts';

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
  /** `iss` of its tokens; default the issuer identifier */
  readonly tokenIssuers?: readonly string[] | undefined;
  /** `typ` headers of its access tokens; default at+jwt, JWT or none */
  readonly typ?: string | readonly string[] | undefined;
  /** signature algorithms; default all with a public key */
  readonly algorithms?: readonly string[] | undefined;
  /** default the global one */
  readonly fetch?: Fetch | undefined;
  /** epoch milliseconds; default Date.now */
  readonly now?: (() => number) | undefined;
  /** milliseconds for each call; default 10,000 */
  readonly deadline?: number | undefined;
}

/** Creates the adapter of an OAuth 2 authorization server, by openid-client and jose. Nothing is contacted yet. */
export function createIssuer(options: IssuerOptions): Issuer {
  const { name, url, development, tokenIssuers, now = Date.now } = options;
  const transport = createTransport({ development, fetch: options.fetch, deadline: options.deadline, now });
  const discovery = {
    document: options.discovery ?? 'oidc',
    given: { token_endpoint: options.tokenEndpoint, jwks_uri: options.jwksUri },
    anyIssuer: tokenIssuers !== undefined,
  };
  const discover = createDiscovery({ url, ...discovery, call: transport.call, now });
  const jwt = createJwtChecks({ typ: options.typ, algorithms: options.algorithms, tokenIssuers, transport, now });
  const { ask, requests } = createAskToken({ development, transport, jwt, now });
  /** the one that was accepted where the issuer does not tell */
  let learnt: ClientAuthentication | undefined;

  async function clientCredentials(request: TokenRequest): Promise<Token> {
    if (request.clientId === '') {
      throw new FlowError('invalid-value', 'the client id is empty', { hint: 'store its value in the vault' });
    }
    const parameters = parametersOf(request);
    const needs: readonly Need[] = request.tokenFormat === 'jwt' ? ['token_endpoint', 'jwks_uri'] : ['token_endpoint'];
    // the first credential is read while the issuer is discovered, a second one only where it is needed
    const early = request.clientKey ?? request.clientSecrets?.[0];
    const [metadata, value] = await Promise.all([discover(needs, request.signal), early?.read()]);
    const read = (credential: Credential) =>
      credential === early && value !== undefined ? Promise.resolve(value) : credential.read();

    const askAs = async (authentication: ClientAuthentication): Promise<Token | Refused> =>
      withOneOf(credentialsOf(request, authentication), request, async (credential) => {
        const secret = await read(credential);
        if (secret.isEmpty) {
          throw new FlowError('invalid-value', 'the client credential is empty', {
            hint: 'store its value in the vault',
            place: { subject: credential.label },
          });
        }
        return ask({ request, parameters, metadata, authentication, credential, secret });
      });

    const usual = authenticationOf(request, metadata);
    const fitting = learnt === otherAuthentication(request, usual, metadata, true) ? learnt : undefined;
    const answer = await askAs(fitting ?? usual);
    if (!('refused' in answer)) return answer;
    const other = fitting === undefined ? otherAuthentication(request, usual, metadata, answer.challenged) : undefined;
    if (other === undefined || !(answer.credential || answer.challenged)) throw answer.refused;
    const second = await askAs(other);
    if ('refused' in second) throw answer.refused;
    learnt = other;
    return second;
  }

  return {
    name,
    url,
    discovery,
    async discover(contact = false) {
      const { token_endpoint: endpoint } = await discover();
      if (contact && endpoint !== undefined && endpoint === options.tokenEndpoint) {
        await transport.call(endpoint, { method: 'HEAD' });
      }
    },
    clientCredentials,
    verify: async (token, expected) => jwt.verify(token, expected, await discover(['jwks_uri'])),
    clockSkew: transport.clockSkew,
    requests,
  };
}

/** Shows the first credential, and the second, where there is one, if the first was refused. */
async function withOneOf(
  [first, second]: readonly [Credential, Credential?],
  { warn }: Pick<TokenRequest, 'warn'>,
  attempt: (credential: Credential) => Promise<Token | Refused>,
): Promise<Token | Refused> {
  const answer = await attempt(first);
  if (!('refused' in answer)) return answer;
  const refused = answer.refused.at({ subject: first.label });
  if (!answer.credential || second === undefined) return { ...answer, refused };
  const other = await attempt(second);
  if (!('refused' in other)) {
    warn(`the client secret ${first.label} was refused, ${second.label} was accepted: change or remove the first`);
    return other;
  }
  if (!other.credential) return { ...other, refused: other.refused.at({ subject: second.label }) };
  const both = new FlowError('denied', `both client secrets were refused; ${refused.message}`, {
    hint: `check the client id, and ${first.label} and ${second.label}`,
    place: { subject: first.label },
  });
  return { ...other, refused: both };
}
