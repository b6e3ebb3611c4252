import type { Passkey, Policy } from '../../folder/policy/policy.ts';
import { FlowError } from '../../foundation/errors.ts';
import type { Secret } from '../../foundation/secret.ts';
import { bearerHash } from './bearer-token.ts';

/** What proves an agent and an approver of policy.yaml until the process ends, and so stands in no file of the policy. */
export interface Guest {
  readonly agent: string;
  readonly token: Secret;
  readonly approver?: { readonly name: string; readonly passkey: Passkey } | undefined;
}

/**
 * The policy in force with a guest's token and passkey beside those of their owners. Each may have what policy.yaml gives
 * its owner, while policy.yaml has them. @throws FlowError internal for what is no token
 */
export function withGuest(policy: () => Policy, { agent, token, approver }: Guest): () => Policy {
  const sha256 = bearerHash(token.reveal());
  if (sha256 === undefined) throw new FlowError('internal', "a guest's token is not as tokens are");
  let known: { readonly from: Policy; readonly policy: Policy } | undefined;
  return () => {
    const from = policy();
    if (known?.from !== from) known = { from, policy: added(from) };
    return known.policy;
  };

  function added(from: Policy): Policy {
    return { ...from, agents: withToken(from.agents), approvers: withPasskey(from.approvers) };
  }

  function withToken(agents: Policy['agents']): Policy['agents'] {
    const entry = agents.get(agent);
    if (entry === undefined || sha256 === undefined) return agents;
    const tokens = [...entry.tokens, { sha256, expires: undefined }];
    return new Map([...agents, [agent, { ...entry, tokens }]]);
  }

  function withPasskey(approvers: Policy['approvers']): Policy['approvers'] {
    const entry = approver === undefined ? undefined : approvers?.get(approver.name);
    if (entry === undefined || approver === undefined || approvers === undefined) return approvers;
    const passkeys = [...entry.passkeys, approver.passkey];
    return new Map([...approvers, [entry.name, { ...entry, passkeys }]]);
  }
}
