import type { Policy } from '../../folder/policy/policy.ts';
import { FlowError } from '../../foundation/errors.ts';
import type { Secret } from '../../foundation/secret.ts';
import { bearerHash } from './bearer-token.ts';

/** A token for an agent of policy.yaml that ends with the process, and so stands in no file of the policy. */
export interface Guest {
  readonly agent: string;
  readonly token: Secret;
}

/**
 * The policy in force with a guest's token beside those of its agent. It may have what policy.yaml gives that agent,
 * while policy.yaml has the agent. @throws FlowError internal for what is no token
 */
export function withGuest(policy: () => Policy, { agent, token }: Guest): () => Policy {
  const sha256 = bearerHash(token.reveal());
  if (sha256 === undefined) throw new FlowError('internal', "a guest's token is not as tokens are");
  let known: { readonly from: Policy; readonly policy: Policy } | undefined;
  return () => {
    const from = policy();
    if (known?.from !== from) known = { from, policy: added(from) };
    return known.policy;
  };

  function added(from: Policy): Policy {
    const entry = from.agents.get(agent);
    if (entry === undefined || sha256 === undefined) return from;
    const tokens = [...entry.tokens, { sha256, expires: undefined }];
    return { ...from, agents: new Map([...from.agents, [agent, { ...entry, tokens }]]) };
  }
}
