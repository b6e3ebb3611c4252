import type { Authenticator } from '../../broker/authentication/authenticate.ts';
import type { Broker, Caller } from '../../broker/contract.ts';
import { type Exchange, jsonAnswer, type Send } from './http-answers.ts';
import { hasBody } from './request-body.ts';
import { claimsOf } from './request-claims.ts';
import { addressOf, provenAtOnce } from './request-identity.ts';
import { nameForm, paths, pathOf } from '../../foundation/wire.ts';

const route = paths.token;
const prefix = pathOf('token', '');

export interface CachedTokenRouteOptions {
  readonly broker: Broker;
  readonly authenticator: Authenticator;
  readonly send: Send;
  readonly fail: (exchange: Exchange, route: string, error: unknown) => void;
}

/**
 * Answers `POST /v1/tokens/{flow}` without a body where the token is in memory: what agents ask most often goes around
 * Express's router. It does nothing that the router would not do, and leaves all that is amiss to it.
 * @returns whether it answers
 */
export function createCachedTokenRoute({
  broker,
  authenticator,
  send,
  fail,
}: CachedTokenRouteOptions): (exchange: Exchange) => boolean {
  return (exchange) => {
    const { method, url = '' } = exchange.request;
    if (method !== 'POST' || !url.startsWith(prefix) || hasBody(exchange.request)) return false;
    const flow = url.slice(prefix.length);
    if (!nameForm.test(flow)) return false;
    const proven = provenAtOnce(exchange, authenticator);
    if (proven === undefined) return false;
    try {
      const caller: Caller = {
        agent: proven.agent,
        by: proven.by,
        request: exchange.id,
        address: addressOf(exchange),
        ...claimsOf(exchange.request.headers),
      };
      const granted = broker.cachedToken(caller, flow);
      if (granted === undefined) return false;
      granted.recorded.then(
        () => send(exchange, route, jsonAnswer(granted.token)),
        (error: unknown) => fail(exchange, route, error),
      );
    } catch (error) {
      fail(exchange, route, error);
    }
    return true;
  };
}
