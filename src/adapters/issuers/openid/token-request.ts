import { FlowError, oneLine } from '../../../foundation/errors.ts';
import {
  type Attribution,
  type ExchangeRequest,
  opaqueTellsNobody,
  standardParameters,
  type TokenRequest,
} from '../contract.ts';

/** What a token request asks for, beside the client's authentication. @throws FlowError refused, for what cannot be asked */
export function parametersOf(
  request: TokenRequest | ExchangeRequest,
  attribution: Attribution | undefined,
): URLSearchParams {
  const own = [...standardParameters, attribution?.parameter];
  const taken = Object.keys(request.parameters ?? {}).find((name) => own.includes(name));
  if (taken !== undefined) {
    throw new FlowError('refused', `the parameter ${taken} cannot be given among \`parameters\``, {
      hint:
        taken === attribution?.parameter
          ? 'by `attribution` of service.yaml it names the agent that asks'
          : 'audience, resource and scope have keys of their own; the others are set by the grant',
    });
  }
  const parameters = new URLSearchParams({ ...request.parameters });
  if (request.audience !== undefined) parameters.set('audience', request.audience);
  for (const resource of request.resource ?? []) parameters.append('resource', resource);
  if (request.scope !== undefined && asksScope(request)) parameters.set('scope', request.scope.join(' '));
  if (attribution !== undefined) parameters.set(attribution.parameter, agentOf(request));
  if ('subject' in request) {
    const { subject, actor, requestedTokenType } = request;
    parameters.set('subject_token', subject.token.reveal());
    parameters.set('subject_token_type', subject.type);
    if (actor !== undefined) {
      parameters.set('actor_token', actor.token.reveal());
      parameters.set('actor_token_type', actor.type);
    }
    if (requestedTokenType !== undefined) parameters.set('requested_token_type', requestedTokenType);
  }
  return parameters;
}

function agentOf({ agent, tokenFormat }: TokenRequest): string {
  if (agent === undefined) throw new FlowError('internal', "a token is asked for in nobody's name");
  if (tokenFormat === 'jwt') return agent;
  throw new FlowError('refused', opaqueTellsNobody.problem, { hint: opaqueTellsNobody.hint });
}

/**
 * The granted scope, compared with what was asked for. An answer without `scope` grants what was asked (RFC 6749,
 * section 5.1), unless the token itself tells it.
 * @throws FlowError protocol where one is missing; warns of those that were not asked for
 */
export function grantedScope(
  request: Pick<TokenRequest, 'scope' | 'warn'>,
  granted: string | undefined,
  shown = (text: string) => text,
): string | undefined {
  const asked = request.scope ?? [];
  if (granted === undefined) return asked.length === 0 ? undefined : asked.join(' ');
  const given = scopesIn(granted, asked);
  const missing = asked.filter((scope) => !given.includes(scope));
  if (missing.length > 0) {
    throw new FlowError('protocol', `the issuer did not grant the scope ${missing.join(' ')}`, {
      hint: 'check `scope`, and that it is assigned to the client',
    });
  }
  const extra = given.filter((scope) => !asked.includes(scope));
  if (asked.length > 0 && extra.length > 0) {
    request.warn(`the issuer granted more scope than was asked for: ${shown(oneLine(extra.join(' ')).slice(0, 200))}`);
  }
  return oneLine(given.join(' '));
}

/** A comma is a character of a scope (RFC 6749, section 3.3), unless only a list with commas holds what was asked for. */
function scopesIn(granted: string, asked: readonly string[]): readonly string[] {
  const [plain = [], listed = []] = [/ +/, /[ ,]+/].map((between) =>
    granted.split(between).filter((each) => each !== ''),
  );
  const missing = (given: readonly string[]) => asked.some((scope) => !given.includes(scope));
  return missing(plain) && !missing(listed) ? listed : plain;
}

export function asksScope({ scope }: Pick<TokenRequest, 'scope'>): boolean {
  return scope !== undefined && scope.length > 0;
}
