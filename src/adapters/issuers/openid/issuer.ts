import { FlowError } from '../../../foundation/errors.ts';
import type { Fetch } from '../../../foundation/http.ts';
import { Secret } from '../../../foundation/secret.ts';
import { authenticationOf, credentialsOf, importClientKey } from './client-authentication.ts';
import type { ClientAuthentication, Credential, Issuer, Token, TokenRequest } from '../contract.ts';
import { createDiscovery, type Metadata } from '../../openid-client/discovery.ts';
import { asksScope, grantedScope, parametersOf } from './token-request.ts';
import { createJwtChecks } from './jwt-checks.ts';
import { quotasOf, quotaWarning } from './quota-headers.ts';
import { type Classified, classify, refusalOf } from './refusals.ts';
import { translate } from '../../openid-client/library-errors.ts';
import { createTransport } from './transport.ts';

export interface IssuerOptions {
  /** its name in service.yaml */
  readonly name: string;
  /** the issuer identifier; its discovery document must carry the same */
  readonly url: string;
  /** allows plain http at a loopback address */
  readonly development: boolean;
  /** which discovery document: OpenID Connect's, or RFC 8414's; default oidc */
  readonly discovery?: 'oidc' | 'oauth2' | undefined;
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
  const { name, url, development, now = Date.now } = options;
  const transport = createTransport({ development, fetch: options.fetch, deadline: options.deadline, now });
  const { call } = transport;
  const discover = createDiscovery({ url, development, algorithm: options.discovery ?? 'oidc', call, now });
  const jwt = createJwtChecks({ typ: options.typ, algorithms: options.algorithms, transport, now });
  let requests = 0;

  async function clientCredentials(request: TokenRequest): Promise<Token> {
    if (request.clientId === '') {
      throw new FlowError('invalid-value', 'the client id is empty', { hint: 'store its value in the vault' });
    }
    const parameters = parametersOf(request);
    // the first credential is read while the issuer is discovered, a second one only where it is needed
    const early = request.clientKey ?? request.clientSecrets?.[0];
    const [metadata, value] = await Promise.all([discover(request.signal), early?.read()]);
    const authentication = authenticationOf(request, metadata);
    const read = (credential: Credential) =>
      credential === early && value !== undefined ? Promise.resolve(value) : credential.read();
    const [first, second] = credentialsOf(request, authentication);

    const attempt = async (credential: Credential) => {
      const secret = await read(credential);
      if (secret.isEmpty) {
        throw new FlowError('invalid-value', 'the client credential is empty', {
          hint: 'store its value in the vault',
          place: { subject: credential.label },
        });
      }
      return ask({ request, parameters, metadata, authentication, credential, secret });
    };

    const answer = await attempt(first);
    if (!('refused' in answer)) return answer;
    const refused = answer.refused.at({ subject: first.label });
    if (!answer.credential || second === undefined) throw refused;
    const other = await attempt(second);
    if (!('refused' in other)) {
      request.warn(
        `the client secret ${first.label} was refused, ${second.label} was accepted: change or remove the first`,
      );
      return other;
    }
    if (!other.credential) throw other.refused.at({ subject: second.label });
    throw new FlowError('denied', `both client secrets were refused; ${refused.message}`, {
      hint: `check the client id, and ${first.label} and ${second.label}`,
      place: { subject: first.label },
    });
  }

  /** One token request with one credential. */
  async function ask(attempt: {
    readonly request: TokenRequest;
    readonly parameters: URLSearchParams;
    readonly metadata: Metadata;
    readonly authentication: ClientAuthentication;
    readonly credential: Credential;
    readonly secret: Secret;
  }): Promise<Token | { readonly refused: FlowError; readonly credential: boolean }> {
    const { request, metadata, credential, secret } = attempt;
    const openid = await import('openid-client');
    const authenticate = {
      client_secret_post: () => openid.ClientSecretPost(secret.reveal()),
      client_secret_basic: () => openid.ClientSecretBasic(secret.reveal()),
      private_key_jwt: async () => openid.PrivateKeyJwt(await importClientKey(secret, credential, metadata)),
    };
    let refusal: Classified | undefined;
    const sentAt = now();
    try {
      const method = await authenticate[attempt.authentication]();
      // an assertion's times are the issuer's, where its clock is known
      const skew = Math.round((now() - Date.now()) / 1000) - (transport.clockSkew() ?? 0);
      const client = { [openid.clockSkew]: skew };
      const configuration = new openid.Configuration(metadata, request.clientId, client, method);
      if (development) openid.allowInsecureRequests(configuration);
      configuration[openid.customFetch] = async (address, init) => {
        requests += 1;
        const body = init.body instanceof URLSearchParams ? init.body : undefined;
        const response = await call(address, {
          method: init.method,
          headers: init.headers,
          body: body ?? null,
          signal: request.signal ?? null,
        });
        for (const quota of quotasOf(response.headers)) {
          const warning = quotaWarning(quota);
          if (warning !== undefined) request.warn(warning);
        }
        const said = await refusalOf(response, now());
        if (said === undefined) return response;
        const secrets = [secret.reveal(), body?.get('client_assertion') ?? ''];
        refusal = classify(said, { secrets, clientId: request.clientId });
        throw refusal.error;
      };
      const answer = await openid.clientCredentialsGrant(configuration, attempt.parameters);
      if (answer.token_type !== 'bearer') {
        throw new FlowError('protocol', 'the issuer gave a token that is not a bearer token');
      }
      // it comes to stand in a header
      if (!/^[\x21-\x7e]+$/.test(answer.access_token)) {
        throw new FlowError('protocol', 'the issuer gave a token with characters that a token may not have');
      }
      const told = answer.expires_in === undefined ? undefined : Math.floor(sentAt / 1000 + answer.expires_in);
      const own = request.tokenFormat === 'jwt' ? await jwt.accept(answer.access_token, request, metadata) : undefined;
      if (answer.scope === undefined && own?.scope === undefined && own?.tellsScope === true && asksScope(request)) {
        request.warn(
          'the issuer tells no granted scope, neither beside the token nor in it: it may have dropped what it does not know',
        );
      }
      const scope = grantedScope(request, answer.scope ?? own?.scope);
      const expiresAt = told === undefined ? own?.expires : Math.min(told, own?.expires ?? told);
      return { accessToken: new Secret(answer.access_token), tokenType: 'Bearer', expiresAt, scope };
    } catch (error) {
      if (refusal !== undefined) return { refused: refusal.error, credential: refusal.credential };
      throw translate(error);
    }
  }

  return {
    name,
    url,
    discover: async () => void (await discover()),
    clientCredentials,
    verify: async (token, expected) => jwt.verify(token, expected, await discover()),
    clockSkew: transport.clockSkew,
    requests: () => requests,
  };
}
