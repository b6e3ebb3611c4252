import { type ErrorRequestHandler, json, type Request, Router } from 'express';
import { Secret } from '../../foundation/secret.ts';
import type { Trust } from '../aws/sts.ts';
import type { IssuedTokens } from './issued-tokens.ts';
import type { LiveSecrets } from './live-secrets.ts';
import type { ClientSeed } from './options.ts';
import type { Users } from './users.ts';

/** The API of an identity provider that people have, over the laptop's users and clients. */
export interface Double {
  /** of the adapter that it is for */
  readonly type: string;
  /** where that adapter finds it, below the laptop's issuer */
  readonly path: string;
  /** Mounted at the root; what is not its own it leaves to those after it. */
  mount(options: DoubleOptions): Router;
}

export interface DoubleOptions {
  /** {@link Double.path} as an address */
  readonly url: string;
  readonly users: Users;
  readonly clients: readonly ClientSeed[];
  readonly clientSecrets: LiveSecrets;
  readonly issued: IssuedTokens;
  /** a bearer that its API takes as well as access tokens of the laptop's issuer for its address */
  readonly token: Secret;
  /** a client that signs users in without pages */
  readonly proof: { readonly clientId: string; readonly clientSecret: Secret };
  /** whose tokens may take which role of AWS, by its ARN */
  readonly roles: Readonly<Record<string, Trust>>;
  /** whether whoever has a second factor is asked for a code */
  readonly asksCode: () => boolean;
  /** epoch milliseconds */
  readonly now: () => number;
}

export interface DoubleApi {
  /** whether whoever asks may */
  readonly knows: (request: Request) => Promise<boolean>;
  /** what is told whom it does not know */
  readonly unknown: () => Error;
  readonly routes: readonly Router[];
  /** what is told of what it does not have. @param path below it */
  readonly missing: (path: string) => Error;
  readonly errors: ErrorRequestHandler;
}

/** An API in JSON: who asks is looked at first, and what it refuses is told in its own way. */
export function doubleApi({ knows, unknown, routes, missing, errors }: DoubleApi): Router {
  const api = Router();
  api.use(
    async (request, _response, next) => {
      if (!(await knows(request))) throw unknown();
      next();
    },
    json({ limit: '100kb' }),
    ...routes,
  );
  api.use((request) => {
    throw missing(request.path);
  });
  api.use(errors);
  return api;
}

/** Whether a request has the laptop's own bearer, or an access token of its issuer for one of these audiences. */
export async function knowsBearer(
  { token, issued }: Pick<DoubleOptions, 'token' | 'issued'>,
  request: Request,
  audiences: string[],
): Promise<boolean> {
  const given = credentialOf(request, 'Bearer');
  return token.equals(new Secret(given)) || (await issued.accept(given, audiences)) !== undefined;
}

/** What a request has in `Authorization` by this scheme; empty: nothing. */
export function credentialOf(request: Request, scheme: string): string {
  const found = /^(?<scheme>\w+) +(?<token>[\x21-\x7e]+)$/.exec(request.get('Authorization') ?? '')?.groups ?? {};
  return found['scheme']?.toLowerCase() === scheme.toLowerCase() ? (found['token'] ?? '') : '';
}
