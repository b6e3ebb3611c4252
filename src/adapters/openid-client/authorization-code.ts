import type { Configuration, TokenEndpointResponse, TokenEndpointResponseHelpers } from 'openid-client';
import { codeOf, FlowError } from '../../foundation/errors.ts';
import type { Fetch } from '../../foundation/http.ts';
import type { ClientRequest, IssuerDiscovery } from '../issuers/contract.ts';
import { createAsClient } from './as-client.ts';
import { createClientRequests } from './client-requests.ts';
import { createDiscovery } from './discovery.ts';
import { translate } from './library-errors.ts';
import { createTransport } from './transport.ts';

export interface OpenIdOptions {
  readonly issuerUrl: string;
  /** how its metadata is found; default by OpenID Connect Discovery at its url */
  readonly discovery?: Partial<IssuerDiscovery> | undefined;
  readonly clientId: string;
  /** what the client authenticates with when it redeems a code; undefined: it is a public one */
  readonly credentials?: (() => Omit<ClientRequest, 'clientId'> | undefined) | undefined;
  readonly redirectUri: string;
  readonly development: boolean;
  readonly fetch?: Fetch | undefined;
  /** epoch milliseconds, default Date.now */
  readonly now?: (() => number) | undefined;
  /** milliseconds for one call */
  readonly deadline?: number | undefined;
}

/** What a request asks for besides a sign-in. */
export interface Wanted {
  /** what the ID token is to hold, so that it is for this and nothing else; default a random one */
  readonly nonce?: string | undefined;
  /** of the request, and its PKCE code verifier: the same ones make the same request; default random ones */
  readonly state?: string | undefined;
  readonly verifier?: string | undefined;
  /** signs in anew, whatever session there is; the ID token tells when (`auth_time`) */
  readonly anew?: boolean | undefined;
}

/** One authorization request (RFC 6749, section 4.1, with PKCE) and what becomes of it. */
export interface Authorization {
  readonly url: URL;
  /**
   * Exchanges the code and verifies the ID token.
   * @throws FlowError with a subject where it is about the client and not about this sign-in: its credential, or its id
   */
  redeem(callback: URL): Promise<SignedIn>;
}

interface SignedIn {
  readonly subject: string;
  readonly idToken: string;
  /** of RP-initiated logout, where the provider has it */
  readonly endSession: URL | undefined;
  /** Takes back the access token, and the refresh token where no logout ends it; where the provider has RFC 7009. */
  revoke(): Promise<void>;
}

type Tokens = TokenEndpointResponse & TokenEndpointResponseHelpers;

/**
 * Begins authorization requests at one issuer; its discovery document is asked for once.
 * @example
 * const authorize = createAuthorizations({ issuerUrl, clientId, redirectUri, development: false });
 * const { url, redeem } = await authorize({ anew: true });
 * // the browser comes back to redirectUri with ?code=…&state=…
 * const { subject } = await redeem(new URL(callback));
 */
export function createAuthorizations(options: OpenIdOptions): (wanted?: Wanted) => Promise<Authorization> {
  const { issuerUrl: url, discovery, clientId, redirectUri, development, now = Date.now } = options;
  const transport = createTransport({ development, fetch: options.fetch, deadline: options.deadline, now });
  const { call } = transport;
  const discover = createDiscovery({ url, document: 'oidc', ...discovery, call, now });
  const asClient = createAsClient(discover);
  const requests = createClientRequests({ development, transport, now });

  async function configuration(): Promise<Configuration> {
    const openid = await import('openid-client');
    const client = new openid.Configuration(
      await discover(['authorization_endpoint']),
      clientId,
      undefined,
      openid.None(),
    );
    // which plain http is safe is for the call to say
    if (development) openid.allowInsecureRequests(client);
    client[openid.customFetch] = (address, init) => call(address, { ...init, body: init.body ?? null });
    return client;
  }

  /** Shows the code, and with it what authenticates the client, if anything does. */
  async function redeemed(ask: (config: Configuration) => Promise<SignedIn>): Promise<SignedIn> {
    const credentials = options.credentials?.();
    if (credentials === undefined) return ask(await configuration());
    return asClient({ ...credentials, clientId }, ['token_endpoint'], async (attempt) => {
      const answer = await requests.send(attempt, { once: true, work: (_, config) => ask(config) });
      if ('refused' in answer && !answer.credential && !answer.challenged) throw answer.refused;
      return answer;
    });
  }

  return async ({ anew = false, ...given } = {}) => {
    const [openid, config] = await Promise.all([import('openid-client'), configuration()]);
    const verifier = given.verifier ?? openid.randomPKCECodeVerifier();
    const state = given.state ?? openid.randomState();
    const nonce = given.nonce ?? openid.randomNonce();
    const parameters = {
      redirect_uri: redirectUri,
      scope: 'openid',
      state,
      nonce,
      code_challenge: await openid.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...(anew ? { prompt: 'login', max_age: '0' } : {}),
    };
    return {
      url: attempt(() => openid.buildAuthorizationUrl(config, parameters)),
      redeem: (callback) =>
        redeemed(async (client) => {
          // the ID token's signature is checked too, not only the connection that it came by
          openid.enableNonRepudiationChecks(client);
          try {
            const tokens = await openid.authorizationCodeGrant(client, callback, {
              pkceCodeVerifier: verifier,
              expectedState: state,
              expectedNonce: nonce,
              idTokenExpected: true,
            });
            return signedIn(openid, client, tokens);
          } catch (error) {
            throw refused(error, clientId);
          }
        }),
    };
  };
}

function signedIn(openid: typeof import('openid-client'), config: Configuration, tokens: Tokens): SignedIn {
  const subject = tokens.claims()?.sub;
  if (subject === undefined || tokens.id_token === undefined) {
    throw new FlowError('protocol', 'the issuer gave no ID token');
  }
  const metadata = config.serverMetadata();
  const hint = { id_token_hint: tokens.id_token };
  // some providers end the session with its refresh token, and then have no session to log out of
  const alone = metadata.end_session_endpoint === undefined ? [tokens.refresh_token] : [];
  return {
    subject,
    idToken: tokens.id_token,
    endSession: metadata.end_session_endpoint === undefined ? undefined : openid.buildEndSessionUrl(config, hint),
    revoke: async () => {
      if (metadata.revocation_endpoint === undefined) return;
      try {
        for (const token of [tokens.access_token, ...alone]) {
          if (token !== undefined) await openid.tokenRevocation(config, token);
        }
      } catch (error) {
        throw translate(error);
      }
    },
  };
}

/**
 * An authorization response may be a refusal (RFC 6749, section 4.1.2.1), and so may be the answer to a code (section
 * 5.2); its code is a fixed word, its text is not. A browser brings the first, and says what it likes.
 */
function refused(error: unknown, clientId: string): FlowError {
  const said = error instanceof Error && 'error' in error ? error.error : undefined;
  const code = codeOf(error);
  const ofClient = code === 'OAUTH_RESPONSE_BODY_ERROR' && /^(?:invalid|unauthorized)_client$/.test(String(said));
  if (ofClient || code === 'OAUTH_WWW_AUTHENTICATE_CHALLENGE') {
    return new FlowError('denied', 'the issuer refuses the client, which shows no credential', {
      hint: 'check the client id, and that it is a public client',
      place: { subject: clientId },
    });
  }
  if (typeof said === 'string') {
    const word = /^[a-z_]{1,40}$/.test(said) ? said : 'an error';
    return new FlowError('denied', `the issuer refuses the sign-in: ${word}`, {
      hint: 'check client-id and redirect-uri of the identity provider, and what the client may do',
    });
  }
  const translated = translate(error);
  if (translated.code !== 'internal') return translated;
  return new FlowError('protocol', "the issuer's ID token or answer is not valid for this sign-in", {
    hint: 'was the sign-in answered by another issuer, or is the local clock wrong?',
    cause: translated.cause,
  });
}

function attempt<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw translate(error);
  }
}
