import { FlowError, oneLine } from '../../../foundation/errors.ts';
import { standardParameters, type TokenRequest } from '../contract.ts';

/** What a token request asks for, beside the client's authentication. */
export function parametersOf(request: TokenRequest): URLSearchParams {
  const taken = Object.keys(request.parameters ?? {}).find((name) => standardParameters.includes(name));
  if (taken !== undefined) {
    throw new FlowError('refused', `the parameter ${taken} cannot be given among \`parameters\``, {
      hint: 'audience, resource and scope have keys of their own; the others are set by the grant',
    });
  }
  const parameters = new URLSearchParams({ ...request.parameters });
  if (request.audience !== undefined) parameters.set('audience', request.audience);
  for (const resource of request.resource ?? []) parameters.append('resource', resource);
  if (request.scope !== undefined && asksScope(request)) parameters.set('scope', request.scope.join(' '));
  return parameters;
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
