import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import type { AgentClaim } from './options.ts';

/**
 * What tokens say of the agent that they are for, as an Action at Auth0 or a hook at Okta does it: a parameter of the
 * request, where it is on the client's list, becomes a claim.
 * @throws invalid_request where the agent is not on the list
 */
export function attributed(
  context: KoaContextWithOIDC,
  clientId: string,
  claim: AgentClaim | undefined,
): Readonly<Record<string, unknown>> {
  const agent: unknown = claim === undefined ? undefined : context.oidc.body?.[claim.parameter];
  if (claim === undefined || agent === undefined) return {};
  if (typeof agent !== 'string' || !claim.agents(clientId).includes(agent))
    throw new errors.InvalidRequest(`${claim.parameter}: not an agent of this client`);
  return claimOf(claim.claim, agent);
}

/** `act.sub` leads into an object; a URI is one name, whatever dots are in it. */
function claimOf(path: string, agent: string): Readonly<Record<string, unknown>> {
  const dot = path.includes('/') ? -1 : path.indexOf('.');
  return dot === -1 ? { [path]: agent } : { [path.slice(0, dot)]: claimOf(path.slice(dot + 1), agent) };
}
