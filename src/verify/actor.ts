import { claimAt } from './required-claims.ts';

/** Who acts with a token, for a log and for what an API allows. */
export interface Actor {
  readonly actor: string;
  /** the place of `actor` that named it */
  readonly actorFrom: string;
  /** who acted before, the latest first: RFC 8693, section 4.1, lets nothing be decided by them */
  readonly priorActors: readonly string[];
}

/** They name the client that asked for the token, which may ask for many agents. */
const weak: ReadonlySet<string> = new Set(['azp', 'client_id']);

/** Delegations that are told; a token with more is odd. */
const mostPrior = 10;

/** The first of these places that names someone; undefined where none does. */
export function actorOf(claims: Readonly<Record<string, unknown>>, places: readonly string[]): Actor | undefined {
  for (const actorFrom of places) {
    const actor = claimAt(claims, actorFrom);
    if (typeof actor === 'string' && actor !== '') return { actor, actorFrom, priorActors: priorIn(claims) };
  }
  return undefined;
}

/** @param required true: by any place but the weak ones; else by one of these */
export function meetsActor(found: Actor | undefined, required: boolean | readonly string[]): boolean {
  if (required === false) return true;
  if (found === undefined) return false;
  return required === true ? !weak.has(found.actorFrom) : required.includes(found.actorFrom);
}

function priorIn(claims: Readonly<Record<string, unknown>>): readonly string[] {
  const prior: string[] = [];
  for (let act = claimAt(claims['act'], 'act'); prior.length < mostPrior; act = claimAt(act, 'act')) {
    const sub = claimAt(act, 'sub');
    if (typeof sub !== 'string') break;
    prior.push(sub);
  }
  return prior;
}
