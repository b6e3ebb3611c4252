import { createHmac, timingSafeEqual } from 'node:crypto';
import { answers } from './refusal-answers.ts';
import { base64url, fromBase64url, newUpperId } from './encoding.ts';
import { open, seal, type Sealed, type SymmetricKey } from './encrypted-values.ts';
import type { ServiceAccount } from './service-accounts.ts';
import { challenge, type SrpChallenge } from './srp.ts';

/** A request as far as a session needs it. */
export interface SignedRequest {
  readonly method: string;
  /** without port */
  readonly host: string;
  readonly path: string;
  /** without `?` */
  readonly query: string;
  readonly sessionId: string;
  readonly mac: string;
}

export interface Session {
  readonly id: string;
  readonly account: ServiceAccount;
  open(body: unknown): unknown;
  seal(value: unknown): Sealed;
}

export interface Sessions {
  start(account: ServiceAccount): string;
  challenge(id: string, userA: string): string;
  confirm(id: string, clientProof: string): string;
  /** @throws Answer 401 unless the session is confirmed, the MAC is right and the request is not one seen before */
  authorise(request: SignedRequest): Session;
  endOf(account: ServiceAccount): void;
  endAll(): void;
}

interface State {
  readonly account: ServiceAccount;
  srp?: SrpChallenge;
  session?: Session;
  macKey?: Buffer;
  /** request numbers start anywhere and grow by one; some may overtake others, none may come twice */
  seen: Set<number>;
  highest?: number;
}

const macPhrase = 'He never wears a Mac, in the pouring rain. Very strange.';
const window = 256;
/** sessions at once; the oldest make room */
const most = 1000;

export function createSessions(): Sessions {
  const states = new Map<string, State>();
  const stateOf = (id: string): State => {
    const state = states.get(id);
    if (state === undefined) throw answers.notAuthenticated();
    return state;
  };

  return {
    start(account) {
      const id = newUpperId();
      states.set(id, { account, seen: new Set() });
      const [oldest] = states.keys();
      if (states.size > most && oldest !== undefined) states.delete(oldest);
      return id;
    },
    challenge(id, userA) {
      const state = stateOf(id);
      const srp = state.srp === undefined ? challenge(state.account, userA) : undefined;
      if (srp === undefined) throw answers.badRequest();
      state.srp = srp;
      return srp.userB;
    },
    confirm(id, clientProof) {
      const state = stateOf(id);
      const confirmed = state.session === undefined ? state.srp?.confirm(fromBase64url(clientProof)) : undefined;
      if (confirmed === undefined) {
        states.delete(id); // one guess per session
        throw answers.notAuthenticated();
      }
      const key: SymmetricKey = { kid: id, bytes: confirmed.key };
      state.macKey = createHmac('sha256', confirmed.key).update(macPhrase).digest();
      state.session = {
        id,
        account: state.account,
        open(body) {
          try {
            return open(key, body as Sealed);
          } catch {
            throw answers.badRequest();
          }
        },
        seal: (value) => seal(key, value),
      };
      return base64url(confirmed.proof);
    },
    authorise(request) {
      const state = stateOf(request.sessionId);
      if (state.session === undefined || state.macKey === undefined) throw answers.notAuthenticated();
      verifyMac(state, state.macKey, request);
      return state.session;
    },
    endOf(account) {
      for (const [id, state] of states) if (state.account === account) states.delete(id);
    },
    endAll: () => states.clear(),
  };
}

function verifyMac(state: State, macKey: Buffer, request: SignedRequest): void {
  const [version, number = '', mac = ''] = request.mac.split('|');
  if (version !== 'v1' || !/^\d{1,10}$/.test(number)) throw answers.notAuthenticated();
  const { sessionId, method, host, path, query } = request;
  const signed = `${sessionId}|${method}|${host}${path}?${query}|v1|${number}`;
  const expected = createHmac('sha256', macKey).update(signed).digest().subarray(0, 12);
  const given = fromBase64url(mac);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw answers.notAuthenticated();
  const id = Number(number);
  const highest = state.highest ?? id;
  if (state.seen.has(id) || id <= highest - window) throw answers.notAuthenticated();
  state.seen.add(id);
  state.highest = Math.max(highest, id);
  for (const old of state.seen) if (old <= state.highest - window) state.seen.delete(old);
}
