import type { OneTimePassword } from '../../foundation/totp.ts';
import type { Secret } from '../../foundation/secret.ts';

/** An identity provider's users. Adapters are factory functions; every call has a deadline. */
export interface IdentityProvider {
  /** where it is, for plans and prompts */
  readonly address: string;
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
  /** optional: the provider's sign-in pages can be driven; absent where service.yaml names no `pages` */
  readonly signIn?: SignIn;
}

export interface User {
  readonly id: string;
  readonly userName: string;
  /** carries the ownership mark of the step that made the user */
  readonly externalId?: string | undefined;
  readonly active: boolean;
}

export interface NewUser {
  readonly userName: string;
  readonly email: string;
  readonly givenName: string;
  readonly familyName: string;
  readonly password: Secret;
  readonly externalId: string;
}

/** A sign-in by the provider's own pages (authorization code with PKCE), as a person does it. */
export interface SignIn {
  /** Opens the sign-in page and gives the user name and password. */
  begin(credentials: { readonly username: string; readonly password: Secret }): Promise<SignInPage>;
}

/** Where the sign-in stands. */
export type SignInPage =
  /** complete: the code was exchanged, the ID token verified; `end` signs out again */
  | { readonly at: 'signed-in'; readonly subject: string; end(): Promise<void> }
  /** asks for a one-time code; a wrong one comes back as `rejected` */
  | { readonly at: 'one-time-code'; submit(code: Secret): Promise<SignInPage> }
  /** shows the "can't scan?" page with a seed; nothing is in force before `confirm`; a wrong code comes back as `rejected` */
  | { readonly at: 'enrolment'; readonly seed: OneTimePassword; confirm(code: Secret): Promise<SignInPage> }
  /** the provider said no: wrong password, wrong code, disabled; `again` where its page still takes another code */
  | {
      readonly at: 'rejected';
      readonly what: 'password' | 'one-time-code' | 'account';
      readonly again?: (code: Secret) => Promise<SignInPage>;
    };
