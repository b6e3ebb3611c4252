import { hash, timingSafeEqual } from 'node:crypto';
import { FlowError } from '../../foundation/errors.ts';
import type { Fetch } from '../../foundation/http.ts';
import type { Policy } from '../../folder/policy/policy.ts';
import type { AgentRuns, RunProof } from '../agent-runs/agent-runs.ts';
import { isRunToken } from '../agent-runs/run-token-type.ts';
import type { ProvenRun } from '../contract.ts';
import { bearerLength, type BearerOwner, bearersOf, isBearer, isExpired } from './bearer-token.ts';
import { createWorkloads, type WorkloadFailure } from './workload-identity.ts';

export interface AuthenticatorOptions {
  /** the policy in force, asked for anew each time */
  readonly policy: () => Policy;
  /** epoch milliseconds */
  readonly now: () => number;
  /** allows issuers of workload identities at plain http on this machine */
  readonly development: boolean;
  /** agent runs, whose tokens prove them; absent: none do */
  readonly agentRuns?: Pick<AgentRuns, 'prove' | 'provenAtOnce'> | undefined;
  /** for issuers' keys, default the global one */
  readonly fetch?: Fetch | undefined;
}

/** A proven identity, and how it was proven. */
export interface Proven {
  readonly agent: string;
  readonly by: 'token' | 'workload' | 'agent-run';
  readonly agentRun?: ProvenRun | undefined;
  /** the key that the request must prove too (RFC 9449): its thumbprint */
  readonly jkt?: string | undefined;
}

/** Why nobody is proven: for the trail, never for the one who asked. */
export interface AuthenticationFailure {
  readonly code: 'no-credentials' | 'unknown-token' | 'run-ended' | 'run-unknown' | WorkloadFailure;
  /** one line, with nothing of the token but its issuer or audience */
  readonly detail: string;
  /** nothing is known of the credential: what would prove it cannot be had */
  readonly unavailable?: { readonly what: string; readonly error: FlowError } | undefined;
}

export interface Authenticator {
  /**
   * Whose a bearer token is, at the cost of one SHA-256; undefined: ask {@link Authenticator.authenticate}.
   * @param sha256 of the token, hex, where it is known
   */
  readonly bearer: (token: string, sha256?: string) => Proven | undefined;
  /**
   * Who sent this `Authorization` header. All that fails looks the same: undefined.
   * @param refused is told why, once, for the trail
   */
  authenticate(
    authorization: string | undefined,
    refused?: (failure: AuthenticationFailure) => void,
  ): Promise<Proven | undefined>;
}

/** Proves agents by their bearer tokens, and by the workload identities that policy trusts. */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { now } = options;
  const workload = createWorkloads(options);
  let known: { readonly policy: Policy; readonly owner: OwnerOf } | undefined;

  function ownerOf(token: string, sha256?: string): BearerOwner | undefined {
    const policy = options.policy();
    if (known?.policy !== policy) known = { policy, owner: indexOf(policy) };
    return token.length === bearerLength ? known.owner(token, sha256 ?? hash('sha256', token, 'hex')) : undefined;
  }

  function bearer(token: string, sha256?: string): Proven | undefined {
    if (!token.startsWith('flows_')) {
      const proof = options.agentRuns?.provenAtOnce(token, sha256);
      const found = proof === undefined ? undefined : ofRun(proof);
      return found !== undefined && 'agent' in found ? found : undefined;
    }
    const owner = ownerOf(token, sha256);
    return owner === undefined || isExpired(owner, now()) ? undefined : { agent: owner.agent, by: 'token' };
  }

  /** The run of an agent that policy.yaml has no more proves nobody. */
  function ofRun(proof: RunProof): Proven | AuthenticationFailure {
    if ('failure' in proof) {
      const { failure, detail } = proof;
      if (failure === 'unknown')
        return { code: 'run-unknown', detail, unavailable: { what: 'agent runs', error: proof.error } };
      return { code: failure === 'ended' ? 'run-ended' : 'unknown-token', detail };
    }
    const { agent, agentRun, jkt } = proof;
    if (options.policy().agents.has(agent)) return { agent, by: 'agent-run', agentRun, jkt };
    return { code: 'unknown-token', detail: `policy.yaml has no agent "${agent}", whose run asks` };
  }

  async function prove(authorization: string | undefined): Promise<Proven | AuthenticationFailure> {
    const token = bearerToken(authorization);
    if (token === undefined) return { code: 'no-credentials', detail: 'there is no bearer token' };
    if (!token.startsWith('flows_')) {
      if (options.agentRuns !== undefined && isRunToken(token))
        return ofRun(await options.agentRuns.prove(token).catch(unknownRun));
      const found = await workload(token);
      return 'agent' in found ? { agent: found.agent, agentRun: found.agentRun, by: 'workload' } : found;
    }
    const owner = ownerOf(token);
    if (owner === undefined) return { code: 'unknown-token', detail: 'no agent has this token' };
    if (!isExpired(owner, now())) return { agent: owner.agent, by: 'token' };
    return { code: 'expired', detail: `the token of agent "${owner.agent}" has expired` };
  }

  return {
    bearer,
    async authenticate(authorization, refused) {
      const found = await prove(authorization);
      if ('agent' in found) return found;
      refused?.(found);
      return undefined;
    },
  };
}

/** The ledger cannot be asked: nobody can tell whether the run goes on. */
function unknownRun(error: unknown): RunProof {
  if (error instanceof FlowError) return { failure: 'unknown', detail: error.message, error };
  throw error;
}

/** The token of an `Authorization` header: scheme in any case, one space or more (RFC 9110, section 11.4). */
export function bearerToken(authorization: string | undefined): string | undefined {
  return /^bearer +([\x21-\x7e]+)$/i.exec(authorization ?? '')?.[1];
}

type OwnerOf = (token: string, sha256: string) => BearerOwner | undefined;

interface Indexed {
  readonly sha256: Buffer;
  readonly owner: BearerOwner;
  /** whether what has this hash is a token of ours; undefined until it was sent once */
  isOurs: boolean | undefined;
}

/** Found by the first half of the token's hash, compared with all of it in constant time. */
function indexOf(policy: Policy): OwnerOf {
  const index = new Map<string, Indexed[]>();
  for (const [sha256, owner] of bearersOf(policy)) {
    const half = sha256.slice(0, 32);
    const one = { sha256: Buffer.from(sha256, 'latin1'), owner, isOurs: undefined };
    index.set(half, [...(index.get(half) ?? []), one]);
  }
  return (token, sha256) => {
    const candidates = index.get(sha256.slice(0, 32));
    if (candidates === undefined) return undefined;
    const sent = Buffer.from(sha256, 'latin1');
    const found = candidates.find((each) => each.sha256.length === sent.length && timingSafeEqual(each.sha256, sent));
    // nothing else has its hash: its form and its checksum are looked at once
    return found !== undefined && (found.isOurs ??= isBearer(token)) ? found.owner : undefined;
  };
}
