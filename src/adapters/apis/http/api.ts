import type { LookupFunction } from 'node:net';
import { FlowError } from '../../../foundation/errors.ts';
import { createHttp, neverConnected } from '../../../foundation/http.ts';
import { lookOf } from '../../../foundation/look-of-secret.ts';
import type { Masking } from '../../../foundation/masking/masking.ts';
import type { Secret } from '../../../foundation/secret.ts';
import type { Services } from '../../declaration.ts';
import type { Api, ApiAnswer, ApiRequest, ApiRules } from '../contract.ts';
import { reachable } from './addresses.ts';
import { fenceOf, projected, shortest } from './answer.ts';
import { createPool } from './pool.ts';
import { refusalOf } from './statuses.ts';
import { targetAt } from './target.ts';

export interface HttpApiOptions extends Services {
  /** its origin */
  readonly url: string;
  readonly rules: ApiRules;
  /** CIDR: reached besides public addresses */
  readonly networks: readonly string[];
  /** milliseconds for a request */
  readonly timeout: number;
  readonly inFlight: number;
  /** how names become addresses; default: the system's way */
  readonly lookup?: LookupFunction | undefined;
}

/** bytes of a body that is sent */
const largest = 1024 * 1024;
/** what may stand in a header, and stays what it is */
const headerValue = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;

/** Creates the adapter of an API over HTTP. Nothing is contacted yet. */
export function createHttpApi(options: HttpApiOptions): Api {
  const { name, rules, networks, development, timeout: deadline, now, way, inFlight: most, lookup } = options;
  const { origin } = new URL(options.url);
  const pool = createPool({ origin: new URL(origin), way, mayReach: reachable(networks, development), most, lookup });
  const peer = `API "${name}"`;
  const call = createHttp({ peer, development, fetch: pool.fetch, deadline, redirects: 'answers' });
  const fences = new WeakMap<Secret, Masking>();
  let requests = 0;

  /** Errors say which API it is. */
  function placed<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw error instanceof FlowError ? error.at({ subject: `apis.${name}` }) : error;
    }
  }

  function fenceFor(credential: Secret): Masking {
    const made = fences.get(credential) ?? fenceOf(credential);
    fences.set(credential, made);
    return made;
  }

  async function answer(request: ApiRequest, signal: AbortSignal | undefined): Promise<ApiAnswer> {
    const { method, expect, idempotencyKey: key, json, renewed } = request;
    const url = targetAt(origin, rules, request);
    const body = json === undefined ? undefined : JSON.stringify(json);
    if (body !== undefined && Buffer.byteLength(body) > largest)
      throw new FlowError('invalid-value', 'what it is to be sent has more than 1 MiB');
    const repeatable = ['GET', 'PUT', 'DELETE'].includes(method) || (rules.keyed && key !== undefined);
    const settled = async <T>(work: () => Promise<T>): Promise<T> =>
      work().catch((error: unknown) => {
        throw ['POST', 'PATCH'].includes(method) ? unsettled(error) : error;
      });
    const attempt = async (credential: Secret | undefined) => {
      const headers = {
        accept: 'application/json',
        'accept-encoding': 'identity',
        'user-agent': 'auth-chain',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key === undefined ? {} : { 'idempotency-key': key }),
        ...credentialHeader(credential, rules),
      };
      requests += 1;
      return call(url, {
        method,
        headers,
        repeatable,
        signal: signal ?? null,
        ...(body === undefined ? {} : { body }),
      });
    };

    let used = request.credential;
    let response = await settled(() => attempt(used));
    // RFC 9110, section 15.5.2: it was not done
    const refused = response.status === 401 && expect?.includes(401) !== true ? used : undefined;
    const next = refused && (await renewed?.(refused));
    if (next !== undefined) response = await settled(() => attempt((used = next)));
    return settled(async () => {
      const { status } = response;
      if (!(expect?.includes(status) ?? response.ok)) throw refusalOf(response, now());
      if (!response.ok) return { status, fields: {}, secret: undefined };
      return { status, ...(await projected(response, request, used === undefined ? [] : [fenceFor(used)])) };
    });
  }

  return {
    name,
    url: origin,
    rules,
    target: (request) => placed(() => targetAt(origin, rules, request)),
    send: async (request, signal) =>
      answer(request, signal).catch((error: unknown) =>
        placed(() => {
          throw error;
        }),
      ),
    async probe() {
      requests += 1;
      const { status } = await call(origin, { method: 'HEAD' });
      return `answers ${status} to HEAD without a credential`;
    },
    requests: () => requests,
    close() {
      pool.close();
      return Promise.resolve();
    },
  };
}

/** What went wrong with a write that is another one each time it is done: unless an answer says so, it may be done. */
function unsettled(error: unknown): unknown {
  if (!(error instanceof FlowError) || neverConnected(error)) return error;
  const { code, message, hint } = error;
  if (!['timeout', 'unavailable', 'protocol', 'aborted'].includes(code)) return error;
  const told = code === 'protocol' && hint !== undefined ? `; ${hint}` : '';
  return new FlowError('outcome-unknown', `${message}, and what was asked for may be done`, {
    hint: `look whether it is before it is asked again${told}`,
    cause: error,
  });
}

/** The one header that has the credential. @throws FlowError where there is none, or one that is not for this place */
function credentialHeader(
  credential: Secret | undefined,
  { credential: place }: ApiRules,
): Readonly<Record<string, string>> {
  if (place === undefined && credential === undefined) return {};
  if (place === undefined || credential === undefined)
    throw new FlowError('refused', `it takes ${place === undefined ? 'no' : 'a'} credential`);
  const value = credential.reveal();
  // what refuses a header by itself quotes it
  if (!headerValue.test(value) || value.length < shortest) {
    const look =
      lookOf(credential) ?? (value.length < shortest ? `is shorter than ${shortest} characters` : 'is no ASCII text');
    throw new FlowError('invalid-value', 'its credential cannot be sent in a header', { hint: `it ${look}` });
  }
  return { [place.header]: place.bearer ? `Bearer ${value}` : value };
}
