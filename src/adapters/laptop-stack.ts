import type { Attribution } from './issuers/contract.ts';
import type { Secret } from '../foundation/secret.ts';

/** An identity provider that the laptop plays. */
export interface LaptopDouble {
  /** as its adapter takes it */
  readonly url: string;
  readonly token: Secret;
  /** a client that signs users in without pages */
  readonly proof: { readonly clientId: string; readonly clientSecret: Secret };
}

/** Where the parts of a running development stack are, and what opens them. All of it ends with the stack. */
export interface LaptopStack {
  readonly pid: number;
  /** the folder of flows that it was filled from */
  readonly dir: string;
  /** by the SDK, and by the API of 1Password Connect at the same address */
  readonly vault: { readonly address: string; readonly token: Secret; readonly connectToken: Secret };
  readonly issuer: string;
  /** what its tokens say of the agent that asked for them */
  readonly attribution?: Attribution | undefined;
  readonly scim: { readonly url: string; readonly token: Secret };
  /** the APIs of identity providers that people have, over the same users and clients, by the type of their adapter */
  readonly doubles: Readonly<Record<string, LaptopDouble>>;
  readonly signIn: { readonly clientId: string; readonly redirectUri: string };
  readonly secretsManager: {
    readonly endpoint: string;
    readonly region: string;
    readonly account: string;
    readonly accessKeyId: string;
    readonly secretAccessKey: Secret;
  };
  readonly ordersApi: string;
}
