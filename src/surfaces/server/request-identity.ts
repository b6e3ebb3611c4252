import { hash } from 'node:crypto';
import type { Socket } from 'node:net';
import {
  type AuthenticationFailure,
  type Authenticator,
  bearerToken,
  type Proven,
} from '../../broker/authentication/authenticate.ts';
import { isClaim, type CheckClaim } from '../../broker/authentication/operator-token.ts';
import type { UpstreamFailures } from '../../broker/upstream-failures.ts';
import { headerOf } from '../../foundation/wire.ts';
import type { Exchange } from './http-answers.ts';
import { type CheckProof, ProofRefusal } from './dpop-proof.ts';
import type { RecordRefusal } from './record-refusal.ts';

/** seconds after which the keys of an issuer that failed are asked for again */
const keysAgain = 5;

/** A bearer token that was sent. */
interface Sent {
  readonly token: string;
  /** hex */
  readonly sha256: string;
}

/**
 * By connection, the header that proved somebody last, which it nearly always sends again: its token is read and hashed
 * once. Whose it is, and whether it still is, is asked each time. Found in a map, by its hash and not byte by byte: behind a
 * proxy several clients may share a connection.
 */
const sent = new WeakMap<Socket, ReadonlyMap<string, Sent>>();

function sentIn(authorization: string | undefined): Sent | undefined {
  const token = bearerToken(authorization);
  return token === undefined ? undefined : { token, sha256: hash('sha256', token, 'hex') };
}

/** A bearer token's owner, at once; undefined where anything is amiss or needs more than a look into a table. */
export function provenAtOnce(
  { request: { headers, socket } }: Exchange,
  authenticator: Authenticator,
): Proven | undefined {
  const { authorization = '' } = headers;
  const known = sent.get(socket)?.get(authorization);
  const found = known ?? sentIn(authorization);
  if (found === undefined) return undefined;
  const owner = authenticator.bearer(found.token, found.sha256);
  if (owner === undefined) return undefined;
  if (found !== known) sent.set(socket, new Map([[authorization, found]]));
  const said = headerOf(headers, 'agent');
  return owner.jkt !== undefined || (said !== undefined && said !== owner.agent) ? undefined : owner;
}

/** What a request proves its sender by. */
export interface Presented {
  /** as in an `Authorization` header */
  readonly authorization: string | undefined;
  /** the agent that it says to be; undefined: it does not say */
  readonly agent: unknown;
  /** how it must be proven; undefined: in any way */
  readonly by?: Proven['by'] | undefined;
}

/** By our own headers. */
function presentedBy({ request: { headers } }: Exchange): Presented {
  return { authorization: headers.authorization, agent: headerOf(headers, 'agent') };
}

/**
 * Who asks. `X-Agent-Id`, where it is sent, must name the proven agent; that it does not is told like any other failure.
 * @throws RecordedRefusal not-authenticated, or upstream-unavailable where nobody can tell now, once it is on the trail
 */
export async function prove(
  exchange: Exchange,
  authenticator: Authenticator,
  record: RecordRefusal,
  failures: Pick<UpstreamFailures, 'told'> | undefined,
  checkProof: CheckProof,
  { authorization: sent, agent: said, by }: Presented = presentedBy(exchange),
): Promise<Proven> {
  const bound = /^dpop +(?=[\x21-\x7e]+$)/i.exec(sent ?? '')?.[0];
  const token = bound === undefined ? undefined : sent?.slice(bound.length);
  const authorization = token === undefined ? sent : `Bearer ${token}`;
  let detail = 'unknown';
  let unavailable: AuthenticationFailure['unavailable'];
  let ended = false;
  const proven = await authenticator.authenticate(authorization, (failure) => {
    ({ detail, unavailable } = failure);
    ended = failure.code === 'run-ended';
  });
  const isNamed = (said === undefined || said === proven?.agent) && (by === undefined || by === proven?.by);
  const unproven = proven === undefined ? undefined : await withoutKey(exchange, proven, token, checkProof);
  if (proven !== undefined && isNamed && unproven === undefined) return proven;
  if (proven !== undefined)
    detail = unproven ?? `it asks as another than "${proven.agent}", whose credential it is, proven by ${proven.by}`;
  const event = { agent: 'unknown', action: 'authenticate', what: [], detail, request: exchange.id } as const;
  const address = addressOf(exchange);
  if (unavailable === undefined) {
    const code = ended ? 'run-ended' : 'not-authenticated';
    throw await record({ ...event, outcome: 'denied', code, address });
  }
  const { what, error } = unavailable;
  failures?.told({ request: exchange.id, what: [what] }, error);
  const refused = { ...event, outcome: 'failed', code: 'upstream-unavailable', address } as const;
  throw await record(refused, error.retryAfter ?? keysAgain);
}

/** Why a request lacks the proof that its token is bound to; undefined where it does not. @param token sent as DPoP */
async function withoutKey(
  { request }: Exchange,
  { jkt }: Proven,
  token: string | undefined,
  checkProof: CheckProof,
): Promise<string | undefined> {
  if (jkt === undefined) return token === undefined ? undefined : 'the token is bound to no key';
  if (token === undefined) return 'the token is bound to a key, and came as a bearer';
  try {
    return (await checkProof(request, token)) === jkt ? undefined : 'the proof is of another key';
  } catch (error) {
    if (error instanceof ProofRefusal) return error.message;
    throw error;
  }
}

/**
 * The operator, by a claim for this very request. What it did is on the trail as what a command does here is.
 * @throws RecordedRefusal not-authenticated, once it is on the trail
 */
export async function proveOperator(
  exchange: Exchange,
  operators: CheckClaim,
  record: RecordRefusal,
): Promise<{ readonly agent: string; readonly by: 'operator' }> {
  const { headers, method = '', url = '' } = exchange.request;
  const token = bearerToken(headers.authorization) ?? '';
  const claim = await operators(token, `${method} ${url}`);
  if (claim !== undefined) return { agent: `local:${claim.user}`, by: 'operator' };
  throw await record({
    agent: 'unknown',
    action: 'authenticate',
    what: [],
    outcome: 'denied',
    code: 'not-authenticated',
    detail: isClaim(token) ? 'a claim of an operator that is used, over, or for something else' : 'not an operator',
    request: exchange.id,
    address: addressOf(exchange),
  });
}

/** The peer's address, or `socket`. */
export function addressOf({ request: { socket } }: Exchange): string {
  return socket.remoteAddress ?? 'socket';
}
