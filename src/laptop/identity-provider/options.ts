import type { JWK } from 'jose';
import type { Attribution } from '../../adapters/issuers/contract.ts';
import type { Secret } from '../../foundation/secret.ts';
import type { Trust } from '../aws/sts.ts';
import type { Faults } from './injected-faults.ts';

/** A client of the development identity provider. */
export interface ClientSeed {
  readonly clientId: string;
  /** one, or two live ones as during a rotation; both are accepted by Post and Basic */
  readonly secrets?: readonly Secret[];
  /** for private_key_jwt; a client may have this and secrets */
  readonly publicKey?: JWK;
  /** audiences and resources that it may ask for, the first one where it asks for none; absent: any */
  readonly audiences?: readonly string[];
  /** scopes that it may ask for; absent: any */
  readonly scopes?: readonly string[];
  /** further claims of its access tokens */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** seconds, default 300 */
  readonly tokenTtl?: number;
  /** makes it a client of the authorization code flow with PKCE, public without secret and key; also allowed after a sign-out */
  readonly redirectUris?: readonly string[];
  /** of its access tokens, default `jwt` (RFC 9068) */
  readonly tokenFormat?: 'jwt' | 'opaque';
}

/** What tokens say of the agent that they are for. */
export interface AgentClaim extends Attribution {
  /** those that a client may name */
  agents(clientId: string): readonly string[];
}

/** A user who is there from the start. */
export interface UserSeed {
  readonly userName: string;
  readonly email?: string;
  readonly password: Secret;
  /** `otpauth://` URI or base32; absent: the first sign-in asks for enrolment */
  readonly totpSeed?: Secret;
  readonly givenName?: string;
  readonly familyName?: string;
  /** default true */
  readonly active?: boolean;
}

/** Where the provider listens, for seeds that name it. */
export interface Addresses {
  readonly issuer: string;
  readonly scimUrl: string;
}

export interface IdentityProviderOptions {
  /** a function where a client's audience is one of the provider's own addresses (the SCIM API) */
  readonly clients: readonly ClientSeed[] | ((addresses: Addresses) => readonly ClientSeed[]);
  readonly users?: readonly UserSeed[];
  /** default: tokens say nothing of agents */
  readonly agentClaim?: AgentClaim | undefined;
  /** a bearer that the SCIM API, and those of the doubles, take as well as access tokens of this issuer */
  readonly scimToken?: Secret;
  /** a client that signs users in at the doubles, without pages */
  readonly proof?: { readonly clientId: string; readonly clientSecret: Secret };
  /** whose tokens may take which role of AWS, by its ARN, at the double of Cognito; no other role is given */
  readonly roles?: Readonly<Record<string, Trust>>;
  /** scopes that are known besides those of the clients */
  readonly scopes?: readonly string[];
  /** default 0: any free one */
  readonly port?: number;
  /** epoch milliseconds, for one-time codes and lock-out; tokens go by the system clock */
  readonly now?: () => number;
  /** is told of faults that leave as a fixed answer, for a log; default: nobody */
  readonly report?: (error: unknown) => void;
}

/** What a test may know about a user. */
export interface UserState {
  readonly id: string;
  readonly userName: string;
  readonly externalId: string | undefined;
  readonly active: boolean;
  /** a one-time password is in force */
  readonly enrolled: boolean;
  /** how many are */
  readonly factors: number;
  /** complete sign-ins, with password and one-time code */
  readonly signIns: number;
}

export interface DevelopmentIdentityProvider extends Addresses {
  /** where the APIs of the identity providers that people have are, by the type of their adapter */
  readonly doubles: Readonly<Record<string, string>>;
  /** requests since it was started, failed ones too */
  requests(): { readonly token: number; readonly scim: number; readonly doubles: number };
  /** trouble on demand, for tests */
  readonly faults: Faults;
  /** The next sign-in of this user must change the password, as at a provider that has them expire. */
  expirePassword(userName: string): void;
  user(userName: string): UserState | undefined;
  users(): readonly UserState[];
  close(): Promise<void>;
}
