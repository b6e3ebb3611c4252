import type { AgentPolicy, Approver, ApproveRule, Pattern } from '../../folder/policy/policy.ts';
import type { RulesInForce } from '../policy/rules-in-force.ts';

/** The rules in force as people read them: who may what, and by which line. No token, and no key whole. */
export function policyShown({ policy, version }: RulesInForce) {
  return {
    version,
    agents: [...policy.agents.values()].map(agentShown),
    approvers: [...(policy.approvers?.values() ?? [])].map(approverShown),
  };
}

function agentShown(agent: AgentPolicy) {
  const { name, tokens, trust, allow, flows, deny, vaultPaths = [], approve = [], rate, maxTtl, requireReason } = agent;
  return {
    name,
    allow: allow.map(lineOf),
    flows: flows.map(lineOf),
    deny: deny.map(lineOf),
    vaultPaths: vaultPaths.map(({ text, location, can }) => ({ text: `${text}: ${can.join(', ')}`, at: location })),
    approve: approve.map(ruleShown),
    tokens: tokens.map(({ issued, expires }) => ({ issued, expires })),
    trust: trust.map(({ issuer, claims }) => ({ issuer, claims })),
    rate,
    maxTtl,
    requireReason,
    requireRun: agent.requireRun === true,
  };
}

const lineOf = ({ text, location }: Pattern) => ({ text, at: location });

function ruleShown({ names, flows, scope, by, needs, wait, expires, uses, self, location }: ApproveRule) {
  const what = [...names, ...flows].map(({ text }) => text);
  return { what, scope, by: [...by], needs, wait, expires, uses, self, at: location };
}

function approverShown({ name, passkeys, trust, ownerOf, reveal = [] }: Approver) {
  return {
    name,
    passkeys: passkeys.map(({ id, ...passkey }) => {
      const { algorithm, synced, added, software } = passkey;
      return { id: id.slice(0, 12), algorithm, synced, added, software };
    }),
    trust: trust.map(({ issuer }) => issuer),
    ownerOf: [...ownerOf],
    reveal: reveal.map(lineOf),
  };
}
