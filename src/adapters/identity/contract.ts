import type { OneTimePassword } from '../../foundation/totp.ts';
import type { Secret } from '../../foundation/secret.ts';

/**
 * An identity provider's users, and what else it can do: each optional member is a capability, which an adapter has
 * where its declaration offers it. Adapters are factory functions; every call has a deadline.
 */
export interface IdentityProvider {
  /** where it is, for plans and prompts */
  readonly address: string;
  readonly traits: Traits;
  /** The user with exactly this user name, active or not. */
  find(userName: string): Promise<User | undefined>;
  /**
   * @throws FlowError conflict where the name is taken, invalid-value with the subject `password` where that is refused
   * @throws FlowError timeout or unavailable where the answer was lost: the caller looks again and adopts
   */
  create(user: NewUser): Promise<User>;
  get(id: string): Promise<User | undefined>;
  /** Nothing happens to a user that is disabled already. */
  disable(id: string): Promise<void>;
  /**
   * The user's password from now on.
   * @throws FlowError not-found, invalid-value with the subject `password` where it is refused: also for the one that
   * is in force, where the provider keeps a history
   */
  readonly setPassword?: (id: string, password: Secret) => Promise<void>;
  /** Ends what the user is signed in to: sessions, refresh and offline tokens. @throws FlowError not-found */
  readonly endSessions?: (id: string) => Promise<void>;
  /** the one-time passwords of users, without any page */
  readonly factors?: Factors | undefined;
  /** optional: the provider's sign-in pages can be driven; absent where service.yaml names no `pages` */
  readonly signIn?: SignIn | undefined;
  /**
   * The same without pages, over its token endpoint. `signed-in` straight from `begin` is a finding: nobody was asked
   * for a code.
   */
  readonly proof?: SignIn | undefined;
  /** the secrets of its OAuth clients */
  readonly clientSecrets?: ClientSecrets | undefined;
  /** the public keys by which its OAuth clients prove themselves (private_key_jwt) */
  readonly clientKeys?: ClientKeys;
}

/** What differs between providers, and matters to who uses them. */
export interface Traits {
  /** where the ownership mark goes, for messages: `externalId` */
  readonly mark: string;
  /** seconds after which a look-up surely knows what was written; 0: at once */
  readonly lookUpLag: number;
  /** seconds after which ended sessions surely are; 0: at once */
  readonly sessionsLag: number;
  /** whether a user that `disable` disabled can be enabled again */
  readonly disabling: 'reversible' | 'final';
  /** whether `create` takes a one-time password: an account with a password and without a second factor never exists */
  readonly birth: 'with-seed' | 'password-alone';
}

export interface User {
  readonly id: string;
  readonly userName: string;
  /** the ownership mark of the step that made the user */
  readonly mark?: string | undefined;
  readonly active: boolean;
  /** sign-ins are refused for a while, after too many that failed; undefined where the provider does not say */
  readonly locked?: boolean | undefined;
  /** was made, and its password is not in force yet: whoever was at it was stopped, and `setPassword` ends that */
  readonly unfinished?: boolean | undefined;
}

export interface NewUser {
  readonly userName: string;
  readonly email: string;
  readonly givenName: string;
  readonly familyName: string;
  readonly password: Secret;
  readonly mark: string;
  /** in force at once; given only where {@link Traits.birth} says so */
  readonly oneTimePassword?: LabelledSeed | undefined;
}

/** A seed of ours, and the name by which its factor is known again. */
export interface LabelledSeed {
  readonly seed: OneTimePassword;
  /** tells seeds apart and tells nothing of them; at most 60 characters */
  readonly label: string;
}

/** Second factors of users. */
export interface Factors {
  /** Those that make one-time passwords, the one that is asked for first. @throws FlowError not-found */
  list(user: string): Promise<readonly Factor[]>;
  /** Nothing happens where it is gone. */
  remove(user: string, factor: string): Promise<void>;
  /**
   * Puts our seed in force beside those that are there, and asks the user for no other. Nothing happens where a factor
   * has the label.
   */
  readonly importSeed?: (user: string, given: LabelledSeed) => Promise<void>;
  /** Asks for a seed of the provider's; nothing is in force before it is confirmed. */
  readonly begin?:
    | ((user: string, credentials: { readonly username: string; readonly password: Secret }) => Promise<BegunEnrolment>)
    | undefined;
  /** The factor is the one that is asked for from now on. */
  readonly prefer?: (user: string, factor: string) => Promise<void>;
  /** Whether failures have locked the user: until when (epoch milliseconds), Infinity where nobody knows. */
  readonly lockedUntil?: (user: string) => Promise<number | undefined>;
}

export interface Factor {
  readonly id: string;
  /** undefined: it has none, or the provider does not tell */
  readonly label: string | undefined;
}

/** A seed of the provider's that is not in force yet. */
export interface BegunEnrolment {
  readonly seed: OneTimePassword;
  /** @returns whether the code was right; a wrong one may be followed by another */
  confirm(code: Secret): Promise<boolean>;
}

/** Secrets of OAuth clients, by `client_id`. */
export interface ClientSecrets {
  /** who makes a new one; theirs is handed over once */
  readonly origin: 'ours' | 'theirs';
  /** how many are accepted at a time; with 1 the former one ends with `add` */
  readonly live: 1 | 2 | 'many';
  /** seconds during which the former secret may be accepted beside or instead of a new one, with `live: 1`; default 0 */
  readonly changeLag?: number;
  /** Those in force, newest first, never their values. @throws FlowError not-found */
  list(clientId: string): Promise<readonly ListedSecret[]>;
  /**
   * Puts a new secret in force beside the others, or in their place where one alone can live.
   * @param secret where the origin is ours, and only there
   * @returns the new one; `value` where it is theirs
   * @throws FlowError not-found, conflict where no more can live, invalid-value where it is refused
   */
  add(clientId: string, secret?: Secret): Promise<ListedSecret & { readonly value?: Secret }>;
  /** Nothing happens where it is gone. @throws FlowError refused for the only one */
  retire(clientId: string, id: string): Promise<void>;
}

/** A secret as its provider lists it. */
export interface ListedSecret {
  readonly id: string;
  /** epoch milliseconds */
  readonly createdAt?: number | undefined;
  /** whether it is this one; absent where the provider does not let us know */
  readonly is?: (secret: Secret) => boolean;
}

/** Public keys of OAuth clients, by `client_id`. */
export interface ClientKeys {
  readonly live: 1 | 2 | 'many';
  /** Those in force, newest first; the id is the `kid` where the provider keeps ours. @throws FlowError not-found */
  list(clientId: string): Promise<readonly { readonly id: string; readonly kid: string | undefined }[]>;
  /** The same one again changes nothing. */
  add(clientId: string, key: PublicJwk): Promise<{ readonly id: string }>;
  /** Nothing happens where it is gone. @throws FlowError refused for the only one */
  retire(clientId: string, id: string): Promise<void>;
}

/** A public key as a JWK (RFC 7517), with its id and what it signs by. */
export interface PublicJwk extends Readonly<Record<string, unknown>> {
  readonly kid: string;
  readonly alg: string;
}

/** A sign-in, as a person does it by pages (authorization code with PKCE), or over the token endpoint. */
export interface SignIn {
  /** Gives the user name and password. */
  begin(credentials: { readonly username: string; readonly password: Secret }): Promise<SignInPage>;
  /** optional: local clock minus the provider's, whole seconds, from the last answer of a sign-in */
  readonly clockSkew?: () => number | undefined;
}

/** Where the sign-in stands. */
export type SignInPage =
  /** complete: the code was exchanged, the ID token verified; `end` signs out again */
  | { readonly at: 'signed-in'; readonly subject: string; end(): Promise<void> }
  /** asks for a one-time code; a wrong one comes back as `rejected` */
  | { readonly at: 'one-time-code'; submit(code: Secret): Promise<SignInPage> }
  /** shows the "can't scan?" page with a seed; nothing is in force before `confirm`; a wrong code comes back as `rejected` */
  | { readonly at: 'enrolment'; readonly seed: OneTimePassword; confirm(code: Secret): Promise<SignInPage> }
  /** the provider said no: wrong password, wrong code, disabled, a password that is to be changed; `again` where its page still takes another code */
  | {
      readonly at: 'rejected';
      readonly what: Rejected;
      readonly again?: (code: Secret) => Promise<SignInPage>;
    };

/** What a provider refuses; `password-or-code`: it does not tell which. */
export type Rejected = 'password' | 'one-time-code' | 'password-or-code' | 'account' | 'password-expired';
