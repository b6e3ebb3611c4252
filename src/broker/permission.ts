import { hash } from 'node:crypto';
import type { App } from '../app/open-app.ts';
import type { Flow } from '../folder/flows/flow.ts';
import { decide } from './policy/decide.ts';
import type { RefusalCode } from '../foundation/wire.ts';
import { type AgentPolicy, scheduleAgent, type Decision, type Policy, type Question } from '../folder/policy/policy.ts';
import { type ItemPlace, type ItemUse, itemsMount, type NamedThing } from '../folder/policy/vault-paths.ts';
import type { Registry, RegistrySecret } from '../folder/registry.ts';
import { isWithin } from './agent-runs/narrowing.ts';
import { unlistedRun } from './agent-runs/unlisted-run.ts';
import type { Pass } from './approvals/admission-pass.ts';
import { type AskingStep, stepWanted } from './approvals/step-wanted.ts';
import { unapproved, type Wanted, wantedOf } from './approvals/approval-wanted.ts';
import type { Caller, ProvenRun } from './contract.ts';
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
  granted(caller: Caller, name: string): Grant | undefined;
  /** @throws BrokerRefusal not-allowed, reason-required, approval-required, run-ended */
  flow(
    caller: Caller,
    name: string,
    given?: Given | 'unapproved',
  ): { readonly flow: Flow; readonly rule: string; readonly maxTtl: number };
  /** What of it must be approved first. @throws BrokerRefusal not-allowed, reason-required, run-ended */
  flowWanted(caller: Caller, name: string, given: Given): Wanted;
  /** What a step of its run asks people. @throws BrokerRefusal, FlowError invalid where policy.yaml does not have them */
  stepWanted(caller: Caller, name: string, asking: AskingStep): Wanted;
  /** Whether anyone may begin a run of anything. */
  letsRun(): boolean;
  /**
   * All of them, in the same order.
   * @throws BrokerRefusal with the names: not-allowed, reason-required, approval-required; run-ended
   */
  secrets(caller: Caller, names: readonly string[], given?: Pick<Given, 'pass'> | 'unapproved'): AllowedSecrets;
  /** As {@link Permission.secrets} for what nobody must approve, without a refusal's cost: undefined. */
  grantedSecrets(caller: Caller, names: readonly string[]): AllowedSecrets | undefined;
  /** What of them must be approved first. @throws BrokerRefusal not-allowed, reason-required, run-ended */
  secretsWanted(caller: Caller, names: readonly string[]): Wanted;
  /** As {@link Permission.flows}, of the names of secrets. */
  secretNames(caller: Caller): readonly string[];
  /** The flows that it may run, or begin runs of: with a reason, in an agent run, once people agreed, where that is wanted. */
  flows(caller: Caller): readonly Flow[];
  /** Whether any line of its own is about items, or those of one vault: else there is nothing to ask a vault for. */
  mayHaveItems(caller: Caller, vault?: NamedThing): boolean;
  /**
   * Which line lets it do so to an item, or to the list of a vault's items.
   * @throws BrokerRefusal not-allowed, reason-required, run-required, run-ended
   */
  item(caller: Caller, use: ItemUse, place: ItemPlace): string;
  /** The flow of this name that runs in this environment. */
  served(name: string): Flow | undefined;
}

export interface Grant {
  readonly rule: string;
  /** milliseconds; Infinity where policy sets no bound */
  readonly maxTtl: number;
}

/** What an approval is for besides a name, and what was approved. */
export interface Given {
  readonly inputs?: Readonly<Record<string, unknown>> | undefined;
  readonly plan?: string | undefined;
  /** id of the run that goes on with it */
  readonly run?: string | undefined;
  readonly pass?: Pass | undefined;
}

export interface AllowedSecrets {
  readonly secrets: readonly RegistrySecret[];
  /** the rules that decided, each once */
  readonly rule: string;
  /** milliseconds; Infinity where policy sets no bound */
  readonly maxTtl: number;
  /** epoch milliseconds: no lease is longer than the agent run that has it */
  readonly until: number;
  readonly registry: Registry;
}

/** What an agent, as this policy has it, or an agent run, which is one agent's, is granted of a flow or a secret. */
type Grants = WeakMap<AgentPolicy | ProvenRun, Grant | undefined>;

/** A flow that no rule was asked about yet has the effect of what the agent may do without naming it in full. */
const unknownEffect = 'none';

export function createPermission(
  app: Pick<App, 'folder' | 'environment'>,
  rules: RulesSource,
  agentRates: Rates,
  installation = '',
): Permission {
  const { name: environment } = app.environment();

  const served = (name: string): Flow | undefined => {
    const flow = app.folder.flows.get(name);
    return flow?.environments?.includes(environment) === false ? undefined : flow;
  };

  const isServed = (secret: RegistrySecret): boolean =>
    secret.flow === undefined ? secret.references.has(environment) : served(secret.flow)?.effect === 'none';

  const askSecret = (policy: Policy, caller: Caller, name: string): Decision =>
    askFor(caller, name, (asked) => decide(policy, { kind: 'secret', ...asked }));

  const askFlow = (policy: Policy, caller: Caller, name: string, flow: Flow | undefined): Decision => {
    const [effect, breakGlass, approve] = [flow?.effect ?? unknownEffect, flow?.breakGlass, flow?.approve?.rule];
    return askFor(caller, name, (asked) => decide(policy, { kind: 'flow', ...asked, effect, breakGlass, approve }));
  };

  const secretsWanted = (caller: Caller, asked: readonly string[]): Wanted => {
    const { policy, registry } = rules.current();
    return wantedOf({
      caller,
      installation,
      environment,
      kind: 'secrets',
      asked,
      known: () => registry.secrets.keys(),
      gated(name) {
        const secret = registry.secrets.get(name);
        if (secret === undefined || !isServed(secret)) return undefined;
        const { approvals } = askSecret(policy, caller, name);
        const reference = secret.references.get(environment)?.toString();
        const is = reference ?? behind(served(secret.flow ?? ''));
        return approvals === undefined ? undefined : { name, is, rules: approvals };
      },
    });
  };

  const flowWanted = (caller: Caller, flow: Flow, { inputs, plan, run }: Given): Wanted => {
    const { policy } = rules.current();
    const reads = flow.effect === 'none';
    return wantedOf({
      caller,
      installation,
      environment,
      kind: reads ? 'flow' : 'run',
      inputs,
      plan,
      run,
      asked: [flow.name],
      // a yes to one flow that writes is for no other
      known: () => (reads ? app.folder.flows.keys() : [flow.name]),
      gated(name) {
        const each = served(name);
        const { approvals } = askFlow(policy, caller, name, each);
        return each === undefined || approvals === undefined || (each.effect === 'none') !== reads
          ? undefined
          : { name, is: behind(each), rules: approvals };
      },
    });
  };

  /** As this policy decides. What was read anew, flow or secret, is another one. */
  let decided: { readonly policy?: Policy; readonly grants: WeakMap<Flow | RegistrySecret, Grants> } = {
    grants: new WeakMap(),
  };

  /** Decided once for an agent or an agent run. */
  const grantOf = (policy: Policy, caller: Caller, of: Flow | RegistrySecret): Grant | undefined => {
    const decide = (): Grant | undefined => {
      const { name } = of;
      const { allowed, rule, approvals } =
        'steps' in of ? askFlow(policy, caller, name, of) : askSecret(policy, caller, name);
      // what a person must approve is never given from memory alone
      return allowed && approvals === undefined ? { rule, maxTtl: maxTtlOf(policy, caller) } : undefined;
    };
    const whose = caller.agentRun ?? policy.agents.get(caller.agent);
    // whether there is a reason is another thing with each request, but for the one that a run was begun with
    if (whose === undefined || caller.reason !== caller.agentRun?.reason) return decide();
    if (decided.policy !== policy) decided = { policy, grants: new WeakMap() };
    const grants: Grants = decided.grants.get(of) ?? new WeakMap();
    if (!grants.has(whose)) decided.grants.set(of, grants.set(whose, decide()));
    return grants.get(whose);
  };

  const servedSecret = ({ secrets }: Registry, name: string): RegistrySecret | undefined => {
    const secret = secrets.get(name);
    return secret !== undefined && isServed(secret) ? secret : undefined;
  };

  const allowedSecrets = (
    caller: Caller,
    secrets: readonly RegistrySecret[],
    decisions: readonly Pick<Decision, 'rule'>[],
  ): AllowedSecrets => {
    const { policy, registry } = rules.current();
    const until = caller.agentRun?.expires ?? Infinity;
    return { secrets, rule: rulesText(decisions), maxTtl: maxTtlOf(policy, caller), until, registry };
  };

  const take = ({ agent }: Caller): number => agentRates.take(agent, rules.current().policy.agents.get(agent)?.rate);

  return {
    served,
    takes: (caller) => take(caller) === 0,
    granted(caller, name) {
      const { policy } = rules.current();
      const flow = served(name);
      return flow?.effect !== 'none' || caller.agentRun?.ended() === true ? undefined : grantOf(policy, caller, flow);
    },
    count(caller) {
      const wait = take(caller);
      if (wait > 0) throw new BrokerRefusal('rate-limited', { retryAfter: wait, detail: 'rate of the agent' });
    },
    flow(caller, name, given) {
      requireGoingOn(caller);
      const { policy } = rules.current();
      const flow = served(name);
      const decision = askFlow(policy, caller, name, flow);
      if (flow !== undefined && decision.approvals !== undefined && given !== 'unapproved')
        requireApproved(flowWanted(caller, flow, given ?? {}), given?.pass, [decision]);
      if (flow !== undefined && decision.allowed)
        return { flow, rule: decision.rule, maxTtl: maxTtlOf(policy, caller) };
      const detail = flow === undefined ? 'no such flow in this environment' : undefined;
      throw new BrokerRefusal(refusalFor(flow === undefined ? undefined : decision.wanted), {
        names: [name],
        rule: decision.rule,
        detail,
      });
    },
    letsRun() {
      const { policy } = rules.current();
      // what only reads is a run by its schedule alone
      const askers = ({ effect, schedule }: Flow): readonly string[] =>
        effect === 'write' ? [...policy.agents.keys()] : schedule === undefined ? [] : [scheduleAgent];
      const isBegun = (flow: Flow) =>
        askers(flow).some((agent) => askFlow(policy, anyoneOf(agent), flow.name, flow).allowed);
      return [...app.folder.flows.values()].some((flow) => served(flow.name) !== undefined && isBegun(flow));
    },
    secrets(caller, names, given) {
      requireGoingOn(caller);
      const { policy, registry } = rules.current();
      const asked = names.map((name) => {
        return { name, known: servedSecret(registry, name), decision: askSecret(policy, caller, name) };
      });
      const refused = asked.filter(({ known, decision }) => known === undefined || !decision.allowed);
      if (refused.length > 0) {
        const denied = refused.filter(({ known, decision }) => known === undefined || decision.wanted === undefined);
        const told = denied.length > 0 ? denied : refused;
        const [first] = told;
        const missing = told.filter(({ known }) => known === undefined).map(({ name }) => name);
        throw new BrokerRefusal(refusalFor(denied.length > 0 ? undefined : first?.decision.wanted), {
          names: told.map(({ name }) => name),
          rule: rulesText(told.map(({ decision }) => decision)),
          detail: missing.length === 0 ? undefined : `not in registry.yaml for this environment: ${missing.join(', ')}`,
        });
      }
      if (given !== 'unapproved' && asked.some(({ decision }) => decision.approvals !== undefined))
        requireApproved(
          secretsWanted(caller, names),
          given?.pass,
          asked.map(({ decision }) => decision),
        );
      return allowedSecrets(
        caller,
        asked.flatMap(({ known }) => known ?? []),
        asked.map(({ decision }) => decision),
      );
    },
    grantedSecrets(caller, names) {
      if (caller.agentRun?.ended() === true) return undefined;
      const { policy, registry } = rules.current();
      const secrets: RegistrySecret[] = [];
      const grants: Grant[] = [];
      for (const name of names) {
        const secret = servedSecret(registry, name);
        const grant = secret && grantOf(policy, caller, secret);
        if (secret === undefined || grant === undefined) return undefined;
        secrets.push(secret);
        grants.push(grant);
      }
      return allowedSecrets(caller, secrets, grants);
    },
    flowWanted(caller, name, given) {
      const { flow } = this.flow(caller, name, 'unapproved');
      return flowWanted(caller, flow, given);
    },
    stepWanted(caller, name, asking) {
      const { flow } = this.flow(caller, name, 'unapproved');
      return stepWanted({ caller, installation, environment, policy: rules.current().policy, flow, asking });
    },
    secretsWanted(caller, names) {
      this.secrets(caller, names, 'unapproved');
      return secretsWanted(caller, names);
    },
    mayHaveItems({ agent }, vault) {
      const lines = rules.current().policy.agents.get(agent)?.vaultPaths ?? [];
      return vault === undefined ? lines.length > 0 : lines.some(({ isAbout }) => isAbout(vault));
    },
    item(caller, use, place) {
      requireGoingOn(caller);
      const { policy } = rules.current();
      const { allowed, rule, wanted } = askFor(caller, itemsMount, (asked) =>
        decide(policy, { kind: 'item', ...asked, use, place }),
      );
      if (allowed) return rule;
      throw new BrokerRefusal(refusalFor(wanted), { rule });
    },
    secretNames(caller) {
      requireGoingOn(caller);
      const { policy, registry } = rules.current();
      return [...registry.secrets.values()].flatMap((secret) => {
        if (!isServed(secret)) return [];
        const { allowed, wanted } = askSecret(policy, caller, secret.name);
        return allowed || wanted !== undefined ? [secret.name] : [];
      });
    },
    flows(caller) {
      requireGoingOn(caller);
      const { policy } = rules.current();
      return [...app.folder.flows.values()].filter((flow) => {
        if (served(flow.name) === undefined) return false;
        const { allowed, wanted } = askFlow(policy, caller, flow.name, flow);
        return allowed || wanted !== undefined;
      });
    },
  };
}

/** Someone of an agent who states and proves whatever is wanted. */
function anyoneOf(agent: string): Caller {
  return { agent, by: 'agent-run', agentRun: unlistedRun('any'), reason: 'any', request: '', address: '' };
}

function requireGoingOn({ agentRun }: Caller): void {
  if (agentRun?.ended() === true) throw new BrokerRefusal('run-ended', { detail: `agent run ${agentRun.run}` });
}

/** @throws BrokerRefusal where something has not been approved, or is not what was approved any more */
function requireApproved(wanted: Wanted, pass: Pass | undefined, decisions: readonly Decision[]): void {
  const names = unapproved(wanted, pass);
  if (names.length === 0) return;
  const rules = decisions.flatMap(({ approvals = [] }) => approvals.map(({ location }) => `${location} approve`));
  throw new BrokerRefusal(pass === undefined ? 'approval-required' : 'approval-stale', {
    names,
    rule: [...new Set(rules)].join(', '),
  });
}

/** A flow, as an approval is bound to it: with its text. */
export function behind(flow: Flow | undefined): string {
  return flow === undefined ? '' : `flow ${flow.name} ${hash('sha256', flow.source.text, 'base64url')}`;
}

type Asked = Pick<Question, 'agent' | 'name' | 'reason' | 'inRun'>;

/**
 * A run is allowed what its agent is, what its own list has, and what each run above it is allowed: patterns are never
 * intersected, each is asked.
 */
function askFor({ agent, reason, agentRun }: Caller, name: string, ask: (asked: Asked) => Decision): Decision {
  const decision = ask({ agent, name, reason, inRun: agentRun !== undefined });
  if (agentRun === undefined || !decision.allowed) return decision;
  const approvals = new Set(decision.approvals);
  for (const above of agentRun.chain) {
    if (above.agent !== agent) {
      const theirs = ask({ agent: above.agent, name, reason, inRun: true });
      if (!theirs.allowed) return { ...theirs, rule: `${theirs.rule}, of agent ${above.agent}, whose run is above` };
      for (const each of theirs.approvals ?? []) approvals.add(each);
    }
    if (!isWithin(above, name)) return { allowed: false, rule: `agent run ${above.run} is narrowed to other names` };
  }
  return approvals.size === 0 ? decision : { ...decision, approvals: [...approvals] };
}

function refusalFor(wanted: Decision['wanted']): RefusalCode {
  return wanted === undefined ? 'not-allowed' : wanted === 'run' ? 'run-required' : 'reason-required';
}

function rulesText(decisions: readonly Pick<Decision, 'rule'>[]): string {
  return [...new Set(decisions.map(({ rule }) => rule))].join(', ');
}

/** The shortest of those whose runs it is. Milliseconds. */
function maxTtlOf({ agents }: Policy, { agent, agentRun }: Caller): number {
  const all = [agent, ...(agentRun?.chain.map((each) => each.agent) ?? [])];
  return Math.min(...all.map((each) => (agents.get(each)?.maxTtl ?? Infinity) * 1_000));
}
