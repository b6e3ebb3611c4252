import type { App } from '../app/open-app.ts';
import { type AgentRuns, type AgentRunsOptions, createAgentRuns } from './agent-runs/agent-runs.ts';
import { requireStillGoingOn } from './agent-runs/still-going-on.ts';
import type { AuditTrail } from '../audit/contract.ts';
import type { CacheSettings } from '../folder/service/settings.ts';
import { type Approvals, type ApprovalsOptions, createApprovals } from './approvals/gate.ts';
import type { Pass } from './approvals/admission-pass.ts';
import type { Wanted } from './approvals/approval-wanted.ts';
import { createAudited, eventOf, type Granted } from './audited-answers.ts';
import { awake, type BrokerClock, systemClock } from '../foundation/clocks.ts';
import { asFlowError, type ErrorCode, FlowError } from '../foundation/errors.ts';
import type { RunHooks, Runs, ScheduleHooks } from '../durable/runs/contract.ts';
import type { RefusalCode } from '../foundation/wire.ts';
import type { Broker, Caller } from './contract.ts';
import { createEngine } from './flow-runner.ts';
import { createGivenValues } from './given-values.ts';
import { inspect } from './inspect-texts.ts';
import { accessOf, flowView } from './flow-views.ts';
import { createLeases } from './secret-leases.ts';
import { createPermission, type RulesSource } from './permission.ts';
import { createRates } from './rate-limits.ts';
import { BrokerRefusal } from './refusal.ts';
import { requireGiven, runFor } from './run-for-agent.ts';
import { openWhenNeeded } from './runs/open-when-needed.ts';
import { createOperatedRuns, type OperatedRuns } from './runs/operate-runs.ts';
import { createDrilledRuns } from './runs/drilled-runs.ts';
import { createRunHooks } from './runs/run-hooks.ts';
import { createScheduleHooks } from './runs/schedule-hooks.ts';
import { createServedRuns } from './runs/served-runs.ts';
import { createSecrets } from './resolve-secrets.ts';
import { createTokens } from './grant-tokens.ts';
import { createVaultItems } from './vault-items.ts';
import { createUpstreamFailures, type UpstreamFailures } from './upstream-failures.ts';

export interface BrokerOptions {
  readonly app: Pick<
    App,
    | 'folder'
    | 'environment'
    | 'run'
    | 'connections'
    | 'rejected'
    | 'onRevoked'
    | 'endAgentRuns'
    | 'plan'
    | 'bindingOf'
    | 'outputOf'
  >;
  /** opens what keeps runs, when it is first needed; absent: no runs are served */
  readonly openRuns?: ((hooks: RunHooks, schedules: ScheduleHooks) => Promise<Runs>) | undefined;
  /** one line for a person, never a value; default nobody is told */
  readonly warn?: ((message: string) => void) | undefined;
  /** policy and registry in force, as watchPolicy gives them */
  readonly rules: RulesSource;
  readonly trail: AuditTrail;
  /** default: that of the app's environment */
  readonly cache?: CacheSettings;
  /** default: the system's */
  readonly clock?: BrokerClock;
  /** where agent runs are kept, and the key of their tokens; absent: there are none */
  readonly agentRuns?: Pick<AgentRunsOptions, 'database' | 'tokens'> | undefined;
  /** who is told what services failed with; default nobody */
  readonly failures?: UpstreamFailures | undefined;
  /** where approvals are kept, and the public id of the environment's key; absent: nothing can be approved */
  readonly approvals?: (Pick<ApprovalsOptions, 'database' | 'address'> & { readonly installation: string }) | undefined;
}

/** The broker, and what its surface tells of it. */
export interface RunningBroker extends Broker {
  /** undefined: it keeps none */
  readonly agentRuns: AgentRuns | undefined;
  /** undefined: nothing can be approved */
  readonly approvals: Approvals | undefined;
  /** For the page, which looks again and again while it is open: not on the trail. */
  readonly runsSeen: Pick<OperatedRuns, 'list' | 'show'>;
  stats(): Promise<BrokerStats>;
  /** Forgets every value: connections lead elsewhere now. */
  forget(): void;
  /** Where the rules in force let anyone begin a run, those that were left in the middle go on. */
  goOnWithRuns(): void;
  /** Forgets every value, takes no step of a run more, and sends away whoever waits. */
  close(): Promise<void>;
}

/** Counts since the broker was created. */
export interface BrokerStats {
  /** names that were given: from memory, and after the vault or a flow was asked */
  readonly secrets: { readonly hits: number; readonly misses: number; readonly entries: number };
  readonly tokens: { readonly hits: number; readonly misses: number };
  /** requests that were made to services */
  readonly requests: { readonly vault: number; readonly token: number };
  readonly refusals: Readonly<Partial<Record<RefusalCode, number>>>;
  /** failures of services, by their own codes */
  readonly failures: Readonly<Partial<Record<ErrorCode, number>>>;
}

/** Names in one request. */
const mostNames = 100;
const longestName = 128;

/**
 * What agents may ask for, around an app: policy first, then the caches, then the trail, then the answer.
 * @throws FlowError usage where the app's environment is not chosen
 */
export function createBroker(options: BrokerOptions): RunningBroker {
  const { app, rules, trail, cache = app.environment().cache } = options;
  const clock = awake(options.clock ?? systemClock);
  const failures = options.failures ?? createUpstreamFailures(() => undefined, clock);
  const given = createGivenValues();
  const audited = createAudited(trail, clock, failures, given);
  const permission = createPermission(app, rules, createRates(clock.monotonic), options.approvals?.installation ?? '');
  const leases = createLeases(clock, cache.maxEntries);
  const engine = createEngine(app, clock);
  const secrets = createSecrets({ app, engine, permission, leases, rates: createRates(clock.monotonic), cache, clock });
  const onEvicted = (hash: string): void => {
    // only a token has an end of its own
    leases.forget((_, lease) => lease?.valueEnds !== undefined && lease.value.hash() === hash);
  };
  const tokens = createTokens({ engine, permission, clock, onEvicted });
  const items = createVaultItems({ app, audited, permission, clock });
  const unsubscribe = app.onRevoked(tokens.forget);

  /** What they alone had is taken back, and what they alone waited for is asked of nobody any more. */
  const onEnded = async (runs: readonly string[]): Promise<void> => {
    const tell = (error: unknown) => failures.told({ what: ['approvals'] }, asFlowError(error));
    await Promise.all([app.endAgentRuns(runs), approvals?.sweep().catch(tell)]);
  };
  const agentRuns =
    options.agentRuns === undefined
      ? undefined
      : createAgentRuns({ ...options.agentRuns, audited, permission, clock, onEnded });
  const approvals =
    options.approvals === undefined
      ? undefined
      : createApprovals({
          ...options.approvals,
          clock,
          record: audited.record,
          environment: app.environment,
          policy: () => rules.current().policy,
        });
  const hooks = createRunHooks({ permission, audited, approvals, drilled: createDrilledRuns(app, clock) });
  const { openRuns = noRuns, warn = () => undefined } = options;
  const runs = openWhenNeeded(() => openRuns(hooks, createScheduleHooks({ app, permission, audited, served, warn })), {
    warn,
  });
  const urlOf = (approval: string) => approvals?.urlOf(approval);
  const served = createServedRuns({ app, permission, runs, clock, urlOf });
  const operated = createOperatedRuns(runs, urlOf);

  /** What is given once people have said yes, where they must. */
  const approved = async <T>(
    caller: Caller,
    wanted: () => Wanted,
    work: (pass: Pass | undefined) => Promise<Granted<T>>,
  ): Promise<Granted<T>> => {
    const pass = await approvals?.admit(caller, wanted);
    const granted = await work(pass);
    if (pass === undefined) return granted;
    await approvals?.redeem(caller, pass);
    return { ...granted, approval: pass.ids.join(' ') };
  };

  /** Every request counts against the agent's rate, whatever becomes of it. */
  const counted = (caller: Caller, names: readonly string[]): void => {
    permission.count(caller);
    if (!names.every(isName)) throw new BrokerRefusal('invalid-request', { names: [], detail: 'a name is too long' });
  };

  return {
    agentRuns,
    approvals,
    async secrets(caller, names) {
      const asked = [...new Set(names.slice(0, mostNames + 1))];
      return audited.answer(caller, 'secrets.resolve', told(asked), async () => {
        counted(caller, asked);
        if (names.length === 0 || names.length > mostNames)
          throw new BrokerRefusal('invalid-request', { names: [], detail: `${names.length} names` });
        const work = approved(
          caller,
          () => permission.secretsWanted(caller, asked),
          (pass) => secrets.resolve(caller, asked, pass),
        );
        return whileItGoesOn(caller, work);
      });
    },
    async token(caller, flow, inputs) {
      return audited.answer(caller, 'token.issue', told([flow]), async () => {
        counted(caller, [flow]);
        const work = approved(
          caller,
          () => permission.flowWanted(caller, flow, { inputs }),
          (pass) => tokens.grant(caller, flow, inputs, pass),
        );
        return whileItGoesOn(caller, work);
      });
    },
    cachedToken(caller, flow, inputs = {}) {
      const found = tokens.cached(caller, flow, inputs);
      if (found === undefined) return undefined;
      const event = eventOf(caller, 'token.issue', [flow]);
      const allowed = { ...event, outcome: 'allowed', rule: found.rule, jti: found.jti, source: 'cache' } as const;
      const recorded = audited.recordGrant(allowed, [{ name: flow, kind: 'flow', value: found.value }]);
      return { token: found.token, recorded };
    },
    cachedSecrets(caller, names) {
      const asked = names.length > 1 ? [...new Set(names)] : names;
      if (asked.length === 0 || asked.length > mostNames || !asked.every(isName)) return undefined;
      const found = secrets.cached(caller, asked);
      if (found === undefined) return undefined;
      const { value, values = [], ...told } = found;
      const event = eventOf(caller, 'secrets.resolve', asked);
      return { secrets: value, recorded: audited.recordGrant({ ...event, outcome: 'allowed', ...told }, values) };
    },
    async secretNames(caller) {
      return audited.answer(caller, 'secrets.list', [], () => {
        counted(caller, []);
        return { value: permission.secretNames(caller), rule: undefined };
      });
    },
    async rejected(caller, flow, tokenHash) {
      return audited.answer(caller, 'token.rejected', told([flow]), () => {
        counted(caller, [flow]);
        return tokens.rejected(caller, flow, tokenHash);
      });
    },
    async run(caller, flow, inputs, gives) {
      return audited.answer(caller, 'flow.run', told([flow]), async () => {
        counted(caller, [flow]);
        requireGiven(permission.served(flow), flow, gives);
        const started = (rule: string) =>
          audited.record({ ...eventOf(caller, 'flow.started', [flow]), outcome: 'allowed', rule });
        const work = approved(
          caller,
          () => permission.flowWanted(caller, flow, { inputs }),
          (pass) => runFor(caller, flow, inputs, { engine, permission, clock, started, pass }),
        );
        return whileItGoesOn(caller, work);
      });
    },
    items,
    runs: {
      plan: (caller, flow, inputs) =>
        audited.answer(caller, 'run.planned', told([flow]), async () => {
          counted(caller, [flow]);
          return whileItGoesOn(caller, served.plan(caller, flow, inputs));
        }),
      start: (caller, flow, request) =>
        audited.answer(caller, 'run.started', told([flow]), async () => {
          counted(caller, [flow]);
          return served.start(caller, flow, request);
        }),
      look: (caller, id, wait, gone) =>
        audited.answer(caller, 'run.read', [], async () => {
          counted(caller, []);
          return served.look(caller, id, wait, gone);
        }),
      output: (caller, id) =>
        audited.answer(caller, 'run.output', [], async () => {
          counted(caller, []);
          return whileItGoesOn(caller, served.output(caller, id));
        }),
      cancel: (caller, id) =>
        audited.answer(caller, 'run.cancelled', [], async () => {
          counted(caller, []);
          return served.cancel(caller, id);
        }),
    },
    operator: {
      runs: (caller, filter) => audited.answer(caller, 'operator.look', [], () => operated.list(filter)),
      run: (caller, id) => audited.answer(caller, 'operator.look', [], () => operated.show(id)),
      cancelRun: (caller, id) => audited.answer(caller, 'run.cancelled', [], () => operated.cancel(id, caller.agent)),
      resumeRun: (caller, id) => audited.answer(caller, 'run.resumed', [], () => operated.resume(id)),
    },
    async flows(caller) {
      return audited.answer(caller, 'flows.list', [], () => {
        counted(caller, []);
        const { tools } = app.environment().mcp;
        return { value: permission.flows(caller).map((flow) => flowView(flow, tools)), rule: undefined };
      });
    },
    async access(caller, asked) {
      return audited.answer(caller, 'access.checked', told([asked.name]), () => {
        counted(caller, [asked.name]);
        return accessOf(permission, caller, asked);
      });
    },
    async inspect(caller, texts) {
      return audited.answer(caller, 'hook.inspect', [], () => {
        counted(caller, []);
        return inspect(caller, texts, { given, policy: rules.current().policy, flows: permission.flows(caller) });
      });
    },
    runsSeen: operated,
    async stats() {
      const requests = await app.connections().then(
        (connections) => connections.requests(),
        () => ({ vault: 0, token: 0 }),
      );
      return {
        secrets: { ...secrets.counts(), entries: leases.size() },
        tokens: tokens.counts(),
        requests: { vault: requests.vault, token: requests.token },
        refusals: audited.refusals(),
        failures: failures.counts(),
      };
    },
    forget: () => leases.forget(() => true),
    goOnWithRuns() {
      if (options.openRuns !== undefined && permission.letsRun()) runs.goOn();
    },
    async close() {
      leases.close();
      await runs.close();
      agentRuns?.close();
      unsubscribe();
      await approvals?.close();
    },
  };
}

function noRuns(): Promise<never> {
  return Promise.reject(new FlowError('unavailable', 'nothing keeps runs here'));
}

/** What was waited for is given only to a run that goes on. @throws BrokerRefusal run-ended */
async function whileItGoesOn<T>(caller: Caller, work: Promise<T>): Promise<T> {
  const granted = await work;
  await requireStillGoingOn(caller);
  return granted;
}

function isName(name: string): boolean {
  return name.length > 0 && name.length <= longestName;
}

/** What of the names goes onto the trail: none of those that nobody could have meant, and no more than may be asked for. */
function told(names: readonly string[]): readonly string[] {
  return names.filter(isName).slice(0, mostNames);
}
