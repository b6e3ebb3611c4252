import { isDeepStrictEqual } from 'node:util';
import { readToken } from '../adapters/read-token.ts';
import type { ConnectionKind, TokenSource } from '../language/forms.ts';
import { type AskForValue, type AskPeople, askNobody, askNobodyForValue } from './ask-people.ts';
import { type Connections, createConnections } from './connections.ts';
import { ownershipMark } from '../foundation/key-derivation.ts';
import { findStack } from './laptop-stack-file.ts';
import type { TakenEnvironment } from '../foundation/environment-variables.ts';
import { asFlowError, FlowError } from '../foundation/errors.ts';
import type { Flow } from '../folder/flows/flow.ts';
import { type Inputs, parseInputs } from '../folder/flows/inputs.ts';
import type { Folder } from '../folder/load-folder.ts';
import { namedEnvironment, openFolder } from './open-folder.ts';
import type { Parts } from './parts.ts';
import { createRenewedConnections } from './renewed-connections.ts';
import { suggest } from '../language/nearest-name.ts';
import { tokenHash } from '../engine/flow-output.ts';
import type { Output } from '../engine/output.ts';
import type { Journal, StepOutput } from '../engine/journal.ts';
import type { Plan } from '../engine/plan.ts';
import { bindingFor, planFlow } from '../engine/plan-flow.ts';
import { createMadeForRuns } from './made-for-runs.ts';
import { createPreparedSteps } from '../engine/prepared-inputs.ts';
import { carryOutFlow, outputOfRun, type RunEvent, runFlow } from '../engine/run-flow.ts';
import type { OnEvent } from '../engine/run-events.ts';
import type { Services } from '../engine/services.ts';
import { localAgent } from '../foundation/local-user.ts';
import { createLocks } from '../foundation/locks.ts';
import { createWay, proxyIn, wayOfProcess } from '../foundation/proxy.ts';
import type { Reference } from '../foundation/reference.ts';
import type { Secret } from '../foundation/secret.ts';
import { type Environment, tokenVariables } from '../folder/service/settings.ts';
import { sleepUntilAborted } from '../foundation/sleep.ts';
import { stateFolder } from '../foundation/state-folder.ts';
import { createTelling, type Telling } from './tell-channels.ts';
import { createTokenCache } from '../engine/token-cache.ts';
import { awake, systemClock } from '../foundation/clocks.ts';
import type { EntryQuota, QuotaEvent } from '../adapters/vaults/quota.ts';

export interface AppOptions {
  /** folder of flows */
  readonly dir: string;
  /** adapters and kinds of step; default: all there are */
  readonly parts?: Parts;
  /** instead of FLOWS_ENVIRONMENT and of service.yaml's default */
  readonly environment?: string | undefined;
  readonly taken: TakenEnvironment;
  /** variables of the process, default process.env */
  readonly variables?: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
  /** one line for a person, never a value */
  readonly warn?: ((message: string) => void) | undefined;
  readonly progress?: ((message: string) => void) | undefined;
  /** why nothing happens for so many milliseconds at most, one line, never a value; returns how it ends */
  readonly waiting?: ((why: string, milliseconds: number) => () => void) | undefined;
  /** epoch milliseconds, default Date.now */
  readonly now?: () => number;
  readonly sleep?: (milliseconds: number) => Promise<void>;
}

/** A run that outlives this process: its journal has what was done already. */
export interface DurableRun {
  /** for whom it runs */
  readonly agent: string;
  readonly journal: Journal;
  /** told of the plan before anything is written; true: it was agreed to, and each step keeps to it */
  readonly onPlan: (plan: Plan) => Promise<boolean>;
  readonly onEvent: OnEvent;
  readonly askPeople: AskPeople;
  /** ends when it is cancelled: what a step waits for then is waited for no more */
  readonly signal: AbortSignal;
}

export interface FinishedRun {
  /** who asks for its output */
  readonly agent: string;
  /** what was kept of the outputs of its steps */
  readonly kept: ReadonlyMap<string, StepOutput>;
}

export interface RunOptions {
  /** options of the command that step kinds declare, without dashes */
  readonly options?: ReadonlySet<string>;
  /** the plan that was agreed to; a probe that differs stops the run */
  readonly plan?: Plan;
  /** where nobody did: told what will be done, before anything is written */
  readonly onPlan?: (plan: Plan) => void | Promise<void>;
  readonly onEvent?: (event: RunEvent) => void;
  /** somebody looks on: a code that is shown is the one of the moment, and tells those that come after it */
  readonly live?: boolean;
  /** in whose name: the proven agent; default `local:<user>` */
  readonly agent?: string;
  /** the agent run that is proven to ask */
  readonly agentRun?: string | undefined;
  /** default: nobody can be asked */
  readonly askPeople?: AskPeople;
  /** default: nobody is there */
  readonly askForValue?: AskForValue;
  /** ends it, beside the app's own */
  readonly signal?: AbortSignal;
  /** it goes on for who had its answer already: people are told of a break-glass run once */
  readonly again?: boolean;
  /** why, as the person says who runs it: told to those who are told */
  readonly reason?: string | undefined;
}

/** One folder of flows in one environment. */
export interface App {
  /** as it is now: {@link App.use} changes it */
  readonly folder: Folder;
  /**
   * Goes on with what the folder's files say by now. Where the environment's settings differ its connections are made
   * anew, and calls of the old ones have a minute to end. @returns whether they differ
   * @throws FlowError usage where the environment is gone: everything stays as it is
   */
  use(folder: Folder): boolean;
  /** of the connections that are there */
  quotas(): readonly EntryQuota[];
  /** @throws FlowError usage where none is chosen or it does not exist */
  environment(): Environment;
  /** @throws FlowError usage for an unknown flow, invalid for a broken one, refused where it may not run here */
  flow(name: string): Flow;
  plan(flow: Flow, inputs: Inputs, options?: RunOptions): Promise<Plan>;
  run(flow: Flow, inputs: Inputs, options?: RunOptions): Promise<Output>;
  /** Runs a flow for a journal, without its output. @throws FlowError */
  carryOut(flow: Flow, inputs: Inputs, run: DurableRun): Promise<void>;
  /** The output of such a run, once it is over; what is secret is read or made now. */
  outputOf(flow: Flow, inputs: Inputs, run: FinishedRun): Promise<Output>;
  /** The digest of all that a run depends on beside what it finds: flow, inputs, environment, addresses. */
  bindingOf(flow: Flow, inputs: Inputs): Promise<string>;
  read(reference: Reference): Promise<Secret>;
  /** What stands where service.yaml says that a token is. @param whose for messages @throws FlowError denied */
  secretAt(source: TokenSource, whose: string): Promise<Secret>;
  connections(): Promise<Connections>;
  /** Tells when a vault is left alone or its quota is used up, and when that is over; returns how to stop telling. */
  onQuota(listener: (event: QuotaEvent) => void): () => void;
  /** Tells of a token that could not be renewed while the old one serves, with its flow; returns how to stop telling. */
  onRenewalFailed(listener: (error: FlowError) => void): () => void;
  /**
   * Agent runs have ended: what was made for one of them alone is given to nobody any more, and taken back where the
   * service has a way. A failure is told by `warn`: it ends by its expiry then.
   */
  endAgentRuns(runs: readonly string[]): Promise<void>;
  /** Tells of a channel that did not tell people of a break-glass run, before that gives anything; returns how to stop. */
  readonly onNotTold: Telling['onNotTold'];
  /** Tells of a token that was revoked (SHA-256 of the access token, hex); returns how to stop telling. */
  onRevoked(listener: (tokenHash: string) => void): () => void;
  /**
   * A token was refused: forgets it if it is the cached one (SHA-256 of the access token, hex), and if it did not just
   * do so. @param spacing seconds, default 0
   */
  rejected(tokenHash: string, spacing?: number): boolean;
  close(): Promise<void>;
}

/** Loads a folder and answers for it. Nothing is contacted before something is asked for. */
export async function openApp(options: AppOptions): Promise<App> {
  const { signal = new AbortController().signal, warn = () => undefined, progress = () => undefined } = options;
  const { waiting = () => () => undefined } = options;
  const { variables = process.env, now = Date.now, sleep = sleepUntilAborted(signal) } = options;
  let folder = await openFolder(options.dir, variables, options.parts);
  takeTokens(folder, options.taken);
  const emptyCache = () => createTokenCache({ ...awake({ now, monotonic: systemClock.monotonic }), hashOf: tokenHash });
  let cache = emptyCache();
  let prepared = createPreparedSteps();
  const locked = createLocks({ folder: stateFolder(variables), sleep, signal, waiting });
  const quotaListeners = new Set<(event: QuotaEvent) => void>();
  const renewalListeners = new Set<(error: FlowError) => void>();
  const self = localAgent();
  const madeForRuns = createMadeForRuns(now);
  const revocationListeners = new Set<(tokenHash: string) => void>();
  let named = options.environment;
  const environmentOf = (of: Folder) => namedEnvironment(of, named, variables) ?? defaultEnvironment(of);
  const environment = () => environmentOf(folder);

  function use(next: Folder): boolean {
    const before = environment();
    // another default-environment: is for whoever starts then
    named = before.name;
    const changed = !isDeepStrictEqual(environmentOf(next), before);
    folder = next;
    takeTokens(folder, options.taken);
    if (!changed) return false;
    renewed.renew();
    cache = emptyCache();
    prepared = createPreparedSteps();
    return true;
  }

  const renewed = createRenewedConnections(connect);
  const connections = renewed.get;
  const telling = createTelling({ connections, environment, now, warn });

  async function connect(): Promise<Connections> {
    const chosen = environment();
    if (chosen.unset.length > 0) {
      throw new FlowError('refused', `environment "${chosen.name}" needs ${chosen.unset.join(', ')}`, {
        hint: 'service.yaml reads it from the process environment: set it',
      });
    }
    return createConnections({
      environment: chosen,
      stack: chosen.laptop ? await findStack(options.dir) : undefined,
      taken: options.taken,
      stateFolder: stateFolder(variables),
      now,
      way: chosen.proxy === undefined ? wayOfProcess() : createWay(proxyIn(variables, chosen.proxy)),
      flowToken: (kind, name) => flowToken(kind, name, chosen),
      warn,
      onQuota(event) {
        for (const listener of quotaListeners) listener(event);
      },
    });
  }

  /** The bearer of a connection comes from a flow; on the laptop, the flow that another environment names. */
  function flowToken(
    kind: ConnectionKind,
    of: string,
    chosen: Environment,
  ): ((refused?: Secret) => Promise<Secret>) | undefined {
    const declaring = [chosen, ...(chosen.laptop ? folder.settings.environments.values() : [])];
    const name = declaring
      .map((each) => each.connections[kind].get(of)?.['token-flow'])
      .find((each) => typeof each === 'string');
    if (name === undefined || (chosen.laptop && !folder.flows.has(name))) return undefined;
    return async (refused) => {
      if (refused !== undefined) cache.rejected(refused.hash());
      const flow = flowNamed(name);
      const output = await run(flow, parseInputs(flow, {}), {});
      if (output.kind === 'scalar' && output.value.as === 'token') return output.value.token.accessToken;
      throw new FlowError('invalid', `token-flow "${name}" gives no token`, { hint: 'its output must be a token' });
    };
  }

  function flowNamed(name: string): Flow {
    const flow = folder.flows.get(name);
    if (flow === undefined) throw unknownFlow(folder, name);
    const chosen = environment();
    if (flow.environments?.includes(chosen.name) === false) {
      throw new FlowError('refused', `it does not run in environment "${chosen.name}"`, {
        hint: `its environments: ${flow.environments.join(', ')}`,
        place: { flow: name },
      });
    }
    return flow;
  }

  async function services({
    options: chosenOptions = new Set(),
    agent = self,
    agentRun,
    askPeople = askNobody,
    askForValue = askNobodyForValue,
    signal: ofRun,
  }: RunOptions): Promise<Services> {
    const adapters = await connections();
    const vaultFor = (flow: string) => (folder.flows.get(flow)?.breakGlass === true ? adapters.urgent : adapters);
    return {
      environment: environment(),
      agent,
      agentRun,
      untilEndOf: madeForRuns.add,
      connection: adapters.get,
      plain: adapters.plain,
      cached: cache.get,
      renewalFailed(error) {
        for (const listener of renewalListeners) listener(error);
      },
      prepared,
      // as agents may report it: once a minute for a token's key
      rejected: (token) => cache.rejected(token.hash(), 60) && revoked(token.hash()),
      context: (flow, step) => ({
        flow,
        step,
        environment: environment().name,
        agent,
        vault: vaultFor(flow).vault,
        read: vaultFor(flow).read,
        async ownershipMarks(identifying) {
          const [first, ...others] = await adapters.derivedKeys('ownership');
          const mark = (key: Uint8Array) => ownershipMark(key, flow, step, identifying);
          return [mark(first), ...others.map(mark)];
        },
        derivedKeys: adapters.derivedKeys,
        locked: (name, work) => locked(`${environment().name} ${name}`, work),
        clockSkew: adapters.clockSkew,
        askPeople: async (question) => askPeople(step, question),
        askForValue: async (question) => askForValue(question),
        revoked: (token) => revoked(token.hash()),
        now,
        sleep,
        signal: ofRun === undefined ? signal : AbortSignal.any([signal, ofRun]),
        options: chosenOptions,
        warn: (message) => warn(`flow "${flow}", step "${step}": ${message}`),
        progress: (message) => progress(`${step}: ${message}`),
        waiting: (why, milliseconds) => waiting(`${step}: ${why}`, milliseconds),
      }),
    };
  }

  async function endAgentRuns(runs: readonly string[]): Promise<void> {
    const over = runs.flatMap((run) => madeForRuns.end(run));
    for (const { key } of over) cache.evict(key);
    const told = (error: unknown) => warn(`what an agent run had is not revoked: ${asFlowError(error).line()}`);
    await Promise.all(over.map(async ({ takeBack }) => takeBack().catch(told)));
  }

  function revoked(tokenHash: string): void {
    cache.rejected(tokenHash);
    for (const listener of revocationListeners) listener(tokenHash);
  }

  async function run(flow: Flow, inputs: Inputs, runOptions: RunOptions): Promise<Output> {
    const { plan, onPlan, onEvent, live, agent = localAgent(), agentRun, again, reason } = runOptions;
    return telling.during(flow, { agent, agentRun, again, reason }, async () =>
      runFlow(flow, inputs, await services(runOptions), { plan, onPlan, onEvent, live }),
    );
  }

  return {
    get folder() {
      return folder;
    },
    use,
    quotas: () => renewed.made()?.quotas() ?? [],
    environment,
    flow: flowNamed,
    plan: async (flow, inputs, runOptions = {}) => planFlow(flow, inputs, await services(runOptions)),
    run: async (flow, inputs, runOptions = {}) => run(flow, inputs, runOptions),
    async carryOut(flow, inputs, { agent, askPeople, journal, onPlan, onEvent, signal: ofRun }) {
      await telling.during(flow, { agent }, async () =>
        carryOutFlow(flow, inputs, await services({ agent, askPeople, signal: ofRun }), { journal, onPlan, onEvent }),
      );
    },
    outputOf: async (flow, inputs, { agent, kept }) => outputOfRun(flow, inputs, await services({ agent }), kept),
    bindingOf: async (flow, inputs) => bindingFor(flow, inputs, await services({})),
    read: async (reference) => (await connections()).read(reference),
    secretAt: (source, whose) => readToken(source, options.taken, whose),
    connections,
    onQuota(listener) {
      quotaListeners.add(listener);
      return () => void quotaListeners.delete(listener);
    },
    endAgentRuns,
    onNotTold: telling.onNotTold,
    onRevoked(listener) {
      revocationListeners.add(listener);
      return () => void revocationListeners.delete(listener);
    },
    onRenewalFailed(listener) {
      renewalListeners.add(listener);
      return () => void renewalListeners.delete(listener);
    },
    rejected: (tokenHash, spacing) => cache.rejected(tokenHash, spacing),
    close: renewed.close,
  };
}

/** Every variable that service.yaml names as a token, for any environment, leaves the process's environment now. */
function takeTokens(folder: Folder, taken: TakenEnvironment): void {
  for (const environment of folder.settings.environments.values())
    for (const name of tokenVariables(environment)) taken.secret(name);
}

function defaultEnvironment({ settings: { defaultEnvironment: name, environments } }: Folder): Environment {
  const chosen = environments.get(name ?? '');
  if (chosen !== undefined) return chosen;
  throw new FlowError('usage', 'no environment is chosen', {
    hint: `give --environment ${[...environments.keys()].join(' or ')}, set FLOWS_ENVIRONMENT, or write default-environment: in service.yaml`,
  });
}

function unknownFlow(folder: Folder, name: string): FlowError {
  if (folder.problems.some(({ file }) => file.endsWith(`/${name}.yaml`) || file === `${name}.yaml`)) {
    return new FlowError('invalid', 'the file has problems', { hint: 'run `flows check`', place: { flow: name } });
  }
  const hint = suggest(name, folder.flows.keys());
  return new FlowError('usage', `unknown flow "${name}"`, { hint: hint ?? 'run `flows` for the list' });
}
