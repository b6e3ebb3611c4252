import type { App } from '../app/open-app.ts';
import type { Flow } from '../folder/flows/flow.ts';
import { decide } from './policy/decide.ts';
import type { AgentPolicy, Decision, Policy } from '../folder/policy/policy.ts';
import type { Registry, RegistrySecret } from '../folder/registry.ts';
import type { Caller } from './contract.ts';
import type { Rates } from './rate-limits.ts';
import { BrokerRefusal } from './refusal.ts';

/** The rules in force: asked for anew with every request. */
export interface RulesSource {
  readonly current: () => { readonly policy: Policy; readonly registry: Registry };
}

/** What a caller may have, by the rules as they are now. What is denied and what does not exist are refused alike. */
export interface Permission {
  /** Counts a request. @throws BrokerRefusal rate-limited */
  count(caller: Caller): void;
  /** Counts it where it is within the agent's rate. */
  takes(caller: Caller): boolean;
  /** As {@link Permission.flow} for a flow that writes nothing, without a refusal's cost: undefined. */
  granted(caller: Caller, name: string): { readonly rule: string; readonly maxTtl: number } | undefined;
  /** @throws BrokerRefusal not-allowed, reason-required, approval-required */
  flow(caller: Caller, name: string): { readonly flow: Flow; readonly rule: string; readonly maxTtl: number };
  /** All of them, in the same order. @throws BrokerRefusal with the names: not-allowed, reason-required, approval-required */
  secrets(caller: Caller, names: readonly string[]): AllowedSecrets;
  /** The pure flows that it may run, with a reason where one is wanted. */
  flows(caller: Caller): readonly Flow[];
  /** The flow of this name that runs in this environment. */
  served(name: string): Flow | undefined;
}

export interface AllowedSecrets {
  readonly secrets: readonly RegistrySecret[];
  /** the rules that decided, each once */
  readonly rule: string;
  /** milliseconds; Infinity where policy sets no bound */
  readonly maxTtl: number;
  readonly registry: Registry;
}

/** A flow that no rule was asked about yet has the effect of what the agent may do without naming it in full. */
const unknownEffect = 'none';

export function createPermission(
  app: Pick<App, 'folder' | 'environment'>,
  rules: RulesSource,
  agentRates: Rates,
): Permission {
  const { name: environment } = app.environment();

  const served = (name: string): Flow | undefined => {
    const flow = app.folder.flows.get(name);
    return flow?.environments?.includes(environment) === false ? undefined : flow;
  };

  const isServed = (secret: RegistrySecret): boolean =>
    secret.flow === undefined ? secret.references.has(environment) : served(secret.flow)?.effect === 'none';

  const askFlow = (policy: Policy, { agent, reason }: Caller, name: string, flow: Flow | undefined): Decision =>
    decide(policy, {
      kind: 'flow',
      agent,
      name,
      effect: flow?.effect ?? unknownEffect,
      breakGlass: flow?.breakGlass,
      approve: flow?.approve?.rule,
      reason,
    });

  const take = ({ agent }: Caller): number => agentRates.take(agent, rules.current().policy.agents.get(agent)?.rate);

  return {
    served,
    takes: (caller) => take(caller) === 0,
    granted(caller, name) {
      const { policy } = rules.current();
      const flow = served(name);
      if (flow?.effect !== 'none') return undefined;
      const { allowed, rule, approvals } = askFlow(policy, caller, name, flow);
      // what a person must approve is never given from memory alone
      return allowed && approvals === undefined
        ? { rule, maxTtl: maxTtlOf(policy.agents.get(caller.agent)) }
        : undefined;
    },
    count(caller) {
      const wait = take(caller);
      if (wait > 0) throw new BrokerRefusal('rate-limited', { retryAfter: wait, detail: 'rate of the agent' });
    },
    flow(caller, name) {
      const { policy } = rules.current();
      const flow = served(name);
      const decision = askFlow(policy, caller, name, flow);
      if (flow !== undefined && decision.approvals !== undefined) throw unapproved([name], [decision]);
      if (flow !== undefined && decision.allowed)
        return { flow, rule: decision.rule, maxTtl: maxTtlOf(policy.agents.get(caller.agent)) };
      const wanted = flow !== undefined && decision.reasonWanted === true;
      const detail = flow === undefined ? 'no such flow in this environment' : undefined;
      throw new BrokerRefusal(wanted ? 'reason-required' : 'not-allowed', {
        names: [name],
        rule: decision.rule,
        detail,
      });
    },
    secrets({ agent, reason }, names) {
      const { policy, registry } = rules.current();
      const asked = names.map((name) => {
        const secret = registry.secrets.get(name);
        const known = secret !== undefined && isServed(secret) ? secret : undefined;
        return { name, known, decision: decide(policy, { kind: 'secret', agent, name, reason }) };
      });
      const refused = asked.filter(({ known, decision }) => known === undefined || !decision.allowed);
      if (refused.length > 0) {
        const denied = refused.filter(({ known, decision }) => known === undefined || decision.reasonWanted !== true);
        const told = denied.length > 0 ? denied : refused;
        const missing = told.filter(({ known }) => known === undefined).map(({ name }) => name);
        throw new BrokerRefusal(denied.length > 0 ? 'not-allowed' : 'reason-required', {
          names: told.map(({ name }) => name),
          rule: rulesText(told.map(({ decision }) => decision)),
          detail: missing.length === 0 ? undefined : `not in registry.yaml for this environment: ${missing.join(', ')}`,
        });
      }
      const waiting = asked.filter(({ decision }) => decision.approvals !== undefined);
      if (waiting.length > 0)
        throw unapproved(
          waiting.map(({ name }) => name),
          waiting.map(({ decision }) => decision),
        );
      return {
        secrets: asked.flatMap(({ known }) => known ?? []),
        rule: rulesText(asked.map(({ decision }) => decision)),
        maxTtl: maxTtlOf(policy.agents.get(agent)),
        registry,
      };
    },
    flows(caller) {
      const { policy } = rules.current();
      return [...app.folder.flows.values()].filter((flow) => {
        if (flow.effect !== 'none' || served(flow.name) === undefined) return false;
        const { allowed, reasonWanted } = askFlow(policy, caller, flow.name, flow);
        return allowed || reasonWanted === true;
      });
    },
  };
}

function unapproved(names: readonly string[], decisions: readonly Decision[]): BrokerRefusal {
  const rules = decisions.flatMap(({ approvals = [] }) => approvals.map(({ location }) => `${location} approve`));
  return new BrokerRefusal('approval-required', { names, rule: [...new Set(rules)].join(', ') });
}

function rulesText(decisions: readonly Decision[]): string {
  return [...new Set(decisions.map(({ rule }) => rule))].join(', ');
}

function maxTtlOf(agent: AgentPolicy | undefined): number {
  return agent?.maxTtl === undefined ? Infinity : agent.maxTtl * 1_000;
}
