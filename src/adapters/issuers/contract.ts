import type { Secret } from '../../foundation/secret.ts';

/** A token issuer: an OAuth 2 authorization server. Adapters are factory functions; every call has a deadline. */
export interface Issuer {
  /** its name in service.yaml */
  readonly name: string;
  /** the issuer identifier, as written in service.yaml */
  readonly url: string;
  /** optional: how its metadata is found, for what people do there in a browser */
  readonly discovery?: IssuerDiscovery;
  /** what its tokens say of the agent that they are for; undefined: nothing, and one token serves all agents */
  readonly attribution: Attribution | undefined;
  /**
   * Reads the issuer's metadata, once. @throws FlowError unavailable, timeout, protocol
   * @param contact also where service.yaml tells all that a document would: it is asked whether it answers
   */
  discover(contact?: boolean): Promise<void>;
  /**
   * Client credentials grant (RFC 6749, section 4.4). Checks what was granted against what was asked for, and a JWT's
   * signature, issuer, audience, expiry and required claims (RFC 9068), before it returns.
   */
  clientCredentials(request: TokenRequest): Promise<Token>;
  /** Token exchange (RFC 8693): a token for one that is there, checked in the same way. Absent: it cannot do it. */
  exchange?(request: ExchangeRequest): Promise<ExchangedToken>;
  /**
   * Revokes a token (RFC 7009). One that is not valid any more is no error.
   * @throws FlowError refused where the issuer has no endpoint for it
   */
  revoke?(request: RevocationRequest): Promise<void>;
  /** Verifies a JWT with the issuer's keys. @throws FlowError protocol, unavailable */
  verify(token: Secret, expected: Expectations): Promise<VerifiedToken>;
  /** Local clock minus the issuer's `Date`, in seconds, from the last answer; undefined before the first. */
  readonly clockSkew: () => number | undefined;
  /** token requests made since it was created */
  readonly requests: () => number;
}

/** How the metadata of an issuer is found. */
export interface IssuerDiscovery {
  /** which document it has, `oidc` or `oauth2`, or that document's address */
  readonly document: string;
  /** told by service.yaml, and so not looked for */
  readonly given: { readonly token_endpoint?: string | undefined; readonly jwks_uri?: string | undefined };
  /** the document may name another issuer: service.yaml says which tokens are to be taken */
  readonly anyIssuer: boolean;
}

/** How an issuer's tokens name the agent that they are for: a claim, which the issuer makes of a parameter. */
export interface Attribution {
  /** the claim, or a path to it: `https://orders.example/agent`, `act.sub` */
  readonly claim: string;
  /** of the token request */
  readonly parameter: string;
  /** who has a token of its own: each agent, the default, or each proven agent run, with whose end it is revoked */
  readonly per?: 'agent' | 'agent-run' | undefined;
}

/** Said at check, and where it was not known then. */
export const opaqueTellsNobody = {
  problem: 'an opaque token tells nobody which agent it is for, and the issuer has `attribution`',
  hint: 'let the issuer give a JWT, or take `attribution` from it in service.yaml',
};

export type ClientAuthentication = 'client_secret_post' | 'client_secret_basic' | 'private_key_jwt';

/** Parameters that have keys of their own, or are the protocol's: `parameters` may not hold them. */
export const standardParameters: readonly string[] = [
  ...['grant_type', 'client_id', 'client_secret', 'client_assertion', 'client_assertion_type'],
  ...['audience', 'resource', 'scope'],
  // RFC 8693
  ...['subject_token', 'subject_token_type', 'actor_token', 'actor_token_type', 'requested_token_type'],
];

/** The client that asks. */
export interface ClientRequest {
  readonly clientId: string;
  /** one, or two live ones during a rotation, tried in order; a read is lazy, so the second costs nothing unused */
  readonly clientSecrets?: readonly Credential[] | undefined;
  /** for private_key_jwt: a PEM (PKCS #8) or JWK */
  readonly clientKey?: Credential | undefined;
  /** of private_key_jwt (RFC 7523, section 3), where the issuer wants more than its own identifier in `aud` */
  readonly assertion?: Assertion | undefined;
  /** absent: by the key or secret that is given, and by what the issuer lists */
  readonly authentication?: ClientAuthentication | undefined;
  readonly signal?: AbortSignal | undefined;
  warn(message: string): void;
}

export interface TokenRequest extends ClientRequest {
  readonly audience?: string | undefined;
  /** RFC 8707; absolute URIs */
  readonly resource?: readonly string[] | undefined;
  readonly scope?: readonly string[] | undefined;
  readonly parameters?: Readonly<Record<string, string>> | undefined;
  readonly requireClaims?: Readonly<Record<string, unknown>> | undefined;
  readonly tokenFormat: 'jwt' | 'opaque';
  /** the proven agent: told to an issuer with {@link Issuer.attribution}, and demanded back in the token */
  readonly agent?: string | undefined;
}

export interface ExchangeRequest extends TokenRequest {
  /** for whom the new token is */
  readonly subject: TypedToken;
  /** who acts for the subject, where that is another one */
  readonly actor?: TypedToken | undefined;
  /** a token type; absent: an access token, of whatever form */
  readonly requestedTokenType?: string | undefined;
}

export interface TypedToken {
  readonly token: Secret;
  /** its URI (RFC 8693, section 3) */
  readonly type: string;
}

export interface RevocationRequest extends ClientRequest {
  readonly token: Secret;
  /** RFC 7009, section 2.1 */
  readonly tokenTypeHint?: string | undefined;
}

export interface Assertion {
  /** its `aud`; default the issuer identifier */
  readonly audience?: string | undefined;
  /** its `kid`; default that of a JWK */
  readonly keyId?: string | undefined;
  /** the certificate of the client key, PEM: `x5t` and `x5t#S256` are made of it */
  readonly certificate?: Credential | undefined;
}

export interface Credential {
  /** for messages: the reference, never the value */
  readonly label: string;
  read(): Promise<Secret>;
  /** where values are kept: what is there now, as the issuer refused what was kept */
  readAnew?(): Promise<Secret>;
}

export interface Token {
  readonly accessToken: Secret;
  /** as RFC 6750 writes it: `Bearer` */
  readonly tokenType: string;
  /** epoch seconds; undefined where the issuer did not say */
  readonly expiresAt: number | undefined;
  /** granted scope, space separated */
  readonly scope: string | undefined;
  /** the audience and resources that were asked for: what the token is for */
  readonly audience: readonly string[] | undefined;
  /** `jti` of a JWT, as logs may have it: at most 256 printable characters without spaces; else undefined */
  readonly jti: string | undefined;
}

export interface ExchangedToken extends Token {
  /** its URI (RFC 8693, section 3) */
  readonly issuedTokenType: string;
  /** who acts for the subject, as the token says it (RFC 8693, section 4.1); undefined: it says nobody */
  readonly act: unknown;
}

export interface Expectations {
  /** each of them must be in `aud` */
  readonly audience?: string | readonly string[] | undefined;
  readonly requireClaims?: Readonly<Record<string, unknown>> | undefined;
  /** seconds, default 0 */
  readonly clockTolerance?: number | undefined;
}

export interface VerifiedToken {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
}
