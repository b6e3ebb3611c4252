import type { Configuration } from 'openid-client';
import { connectionEnded } from '../../foundation/http.ts';
import type { Attempt, Refused } from './as-client.ts';
import { assertionHeader, basicHeader, importClientKey } from './client-authentication.ts';
import { translate } from './library-errors.ts';
import { quotasOf, quotaWarning } from './quota-headers.ts';
import { type Classified, classify, refusalOf } from './refusals.ts';
import type { Transport } from './transport.ts';

export interface ClientRequestsOptions {
  readonly development: boolean;
  readonly transport: Transport;
  /** epoch milliseconds */
  readonly now: () => number;
}

type OpenIdClient = typeof import('openid-client');

/** What is asked of an issuer, whatever authenticates the client. */
export interface Sending<T> {
  /** what it sends besides, and what is therefore never shown; default nothing */
  readonly secrets?: readonly string[];
  /** it counts once, whether or not an answer comes, and so is not sent again where the connection ended: a code */
  readonly once?: boolean;
  /** what of the answer is used; default all of it */
  readonly read?: (response: Response) => Promise<Response>;
  readonly work: (openid: OpenIdClient, configuration: Configuration) => Promise<T>;
}

export interface ClientRequests {
  /** @throws FlowError where there is no answer, or none that is valid */
  send<T>(attempt: Attempt, sending: Sending<T>): Promise<T | Refused>;
  /** requests so far */
  readonly count: () => number;
}

/** Sends the requests of a client that authenticates, by openid-client. What an issuer refuses is told without a secret. */
export function createClientRequests({ development, transport, now }: ClientRequestsOptions): ClientRequests {
  let count = 0;

  async function authenticationOf({ authentication, credential, secret, request, metadata }: Attempt) {
    const openid = await import('openid-client');
    const ways = {
      client_secret_post: () => openid.ClientSecretPost(secret.reveal()),
      client_secret_basic: (): ReturnType<typeof openid.None> => (_, client, _body, headers) => {
        headers.set('authorization', basicHeader(client.client_id, secret));
      },
      private_key_jwt: async () => {
        const { assertion = {} } = request;
        const key = await importClientKey(secret, credential, metadata);
        const header = await assertionHeader(assertion, key);
        return openid.PrivateKeyJwt(key, {
          [openid.modifyAssertion]: (parts, claims) => {
            Object.assign(parts, header);
            if (assertion.audience !== undefined) claims['aud'] = assertion.audience;
          },
        });
      },
    };
    return ways[authentication]();
  }

  async function sendOnce<T>(attempt: Attempt, sending: Sending<T>): Promise<T | Refused> {
    const { request, metadata, secret } = attempt;
    const { secrets = [], once = false, read = (response) => Promise.resolve(response), work } = sending;
    const openid = await import('openid-client');
    let refusal: (Classified & { readonly challenged: boolean }) | undefined;
    try {
      const method = await authenticationOf(attempt);
      // an assertion's times are the issuer's, where its clock is known
      const skew = Math.round((now() - Date.now()) / 1000) - (transport.clockSkew() ?? 0);
      const configuration = new openid.Configuration(metadata, request.clientId, { [openid.clockSkew]: skew }, method);
      if (development) openid.allowInsecureRequests(configuration);
      configuration[openid.customFetch] = async (address, init) => {
        count += 1;
        const body = init.body instanceof URLSearchParams ? init.body : undefined;
        const response = await transport.call(address, {
          method: init.method,
          headers: init.headers,
          body: body ?? null,
          signal: request.signal ?? null,
          // a token that nobody got is nothing; an assertion is taken once, so another one is made for it
          ...(once ? {} : { repeatable: attempt.authentication !== 'private_key_jwt' }),
        });
        // the issuer's keys
        if (init.method === 'GET') return response;
        for (const quota of quotasOf(response.headers)) {
          const warning = quotaWarning(quota);
          if (warning !== undefined) request.warn(warning);
        }
        const said = await refusalOf(response, now());
        if (said === undefined) return read(response);
        const hidden = [secret.reveal(), body?.get('client_assertion') ?? '', ...secrets];
        const challenged = /(?:^|,)\s*basic(?:\s|,|$)/i.test(response.headers.get('www-authenticate') ?? '');
        refusal = { ...classify(said, { secrets: hidden, clientId: request.clientId }), challenged };
        throw refusal.error;
      };
      return await work(openid, configuration);
    } catch (error) {
      if (refusal === undefined) throw translate(error);
      return { refused: refusal.error, credential: refusal.credential, challenged: refusal.challenged };
    }
  }

  return {
    send: (attempt, sending) =>
      sendOnce(attempt, sending).catch((error: unknown) => {
        if (sending.once === true || attempt.authentication !== 'private_key_jwt' || !connectionEnded(error))
          throw error;
        return sendOnce(attempt, sending);
      }),
    count: () => count,
  };
}
