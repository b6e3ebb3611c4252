import { type Authenticator, bearerToken, type Proven } from '../../broker/authentication/authenticate.ts';
import { headerNames, headerOf } from '../../foundation/wire.ts';
import type { Exchange } from './http-answers.ts';
import type { RecordRefusal } from './record-refusal.ts';

/** A bearer token's owner, at once; undefined where anything is amiss or needs more than a look into a table. */
export function provenAtOnce({ request: { headers } }: Exchange, authenticator: Authenticator): Proven | undefined {
  const token = bearerToken(headers.authorization);
  const owner = token === undefined ? undefined : authenticator.bearer(token);
  const said = headerOf(headers, 'agent');
  return owner === undefined || (said !== undefined && said !== owner.agent)
    ? undefined
    : { agent: owner.agent, by: 'token' };
}

/**
 * Who asks. `X-Agent-Id`, where it is sent, must name the proven agent; that it does not is told like any other failure.
 * @throws RecordedRefusal not-authenticated, once it is on the trail
 */
export async function prove(exchange: Exchange, authenticator: Authenticator, record: RecordRefusal): Promise<Proven> {
  const { headers } = exchange.request;
  let detail = 'unknown';
  const proven = await authenticator.authenticate(headers.authorization, (failure) => {
    detail = failure.detail;
  });
  const said = headerOf(headers, 'agent');
  if (proven !== undefined && (said === undefined || said === proven.agent)) return proven;
  if (proven !== undefined) detail = `${headerNames.agent} is not "${proven.agent}", whose credential it is`;
  throw await record({
    agent: 'unknown',
    action: 'authenticate',
    what: [],
    outcome: 'denied',
    code: 'not-authenticated',
    detail,
    request: exchange.id,
    address: addressOf(exchange),
  });
}

/** The peer's address, or `socket`. */
export function addressOf({ request: { socket } }: Exchange): string {
  return socket.remoteAddress ?? 'socket';
}
