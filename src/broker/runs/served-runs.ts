import type { App } from '../../app/open-app.ts';
import { outputJson, outputKinds } from '../../engine/output-json.ts';
import { shownIn } from '../../engine/output.ts';
import { FlowError } from '../../foundation/errors.ts';
import { longestWait } from '../../foundation/wire.ts';
import type { BrokerClock } from '../../foundation/clocks.ts';
import type { Run } from '../../durable/runs/contract.ts';
import { requireStillGoingOn } from '../agent-runs/still-going-on.ts';
import type { Granted } from '../audited-answers.ts';
import { checkedInputs } from '../checked-inputs.ts';
import type { Caller, FlowAnswer, RunRequest } from '../contract.ts';
import type { Permission } from '../permission.ts';
import { BrokerRefusal, refusalOf } from '../refusal.ts';
import { valuesIn } from '../run-for-agent.ts';
import { requireShort } from '../token-lifetime.ts';
import type { LazyRuns } from './open-when-needed.ts';
import { type PlanView, planView, type RunView, runView, type UrlOf } from './run-views.ts';

/** What agents ask of runs; each answer still has to go onto the trail. @throws BrokerRefusal */
export interface ServedRuns {
  plan(caller: Caller, flow: string, inputs: RunRequest['inputs']): Promise<Granted<PlanView>>;
  start(caller: Caller, flow: string, request: RunRequest): Promise<Granted<RunView>>;
  /** @param wait seconds that the answer is held back while the run goes on */
  look(caller: Caller, id: string, wait: number, gone: AbortSignal): Promise<Granted<RunView>>;
  output(caller: Caller, id: string): Promise<Granted<FlowAnswer>>;
  cancel(caller: Caller, id: string): Promise<Granted<RunView>>;
}

export interface ServedRunsOptions {
  readonly app: Pick<App, 'environment' | 'plan' | 'bindingOf' | 'outputOf'>;
  readonly permission: Permission;
  readonly runs: LazyRuns;
  readonly clock: Pick<BrokerClock, 'now'>;
  readonly urlOf: UrlOf;
}

export function createServedRuns({ app, permission, runs, clock, urlOf }: ServedRunsOptions): ServedRuns {
  const view = (run: Run) => runView(run, urlOf);

  /** @throws BrokerRefusal no-such-run, also for one of another agent */
  async function own(caller: Caller, id: string): Promise<Run> {
    const run = await (await runs.open()).find(id).catch(unavailable);
    if (run?.agent === caller.agent) return run;
    throw new BrokerRefusal('no-such-run', {
      detail: run === undefined ? 'there is none' : `it is one of ${run.agent}`,
    });
  }

  function writing(caller: Caller, name: string) {
    const allowed = permission.flow(caller, name, 'unapproved');
    // a schedule's run of a flow that only reads is kept too: it tells when it was, and how it ended
    if (allowed.flow.effect !== 'write' && caller.by !== 'schedule')
      throw new BrokerRefusal('not-a-run', { names: [name] });
    return allowed;
  }

  return {
    async plan(caller, name, given) {
      const { flow, rule } = writing(caller, name);
      const plan = await app.plan(flow, checkedInputs(flow, given), { agent: caller.agent });
      return { value: planView(plan), rule, detail: `plan ${plan.hash}` };
    },
    async start(caller, name, { inputs: given, plan, key }) {
      const { flow, rule } = writing(caller, name);
      const inputs = checkedInputs(flow, given);
      const { agent, by, reason, request } = caller;
      const opened = await runs.open();
      const binding = await app.bindingOf(flow, inputs);
      // opening and reading took their time
      await requireStillGoingOn(caller);
      const run = await opened
        .start({
          flow: name,
          environment: app.environment().name,
          agent,
          by,
          reason,
          request,
          inputs,
          plan,
          binding,
          key,
          agentRun: caller.agentRun?.run,
          agentRuns: chainOf(caller),
          claimedRun: caller.run,
        })
        .catch((error: unknown) => {
          if (error instanceof FlowError && error.code === 'conflict')
            throw new BrokerRefusal('key-reused', { names: [name], cause: error });
          if (error instanceof FlowError && error.code === 'internal')
            throw new BrokerRefusal('invalid-request', {
              names: [name],
              detail: 'an input holds a value of the vault',
              cause: error,
            });
          return unavailable(error);
        });
      return { value: view(run), rule, detail: `run ${run.id}` };
    },
    async look(caller, id, wait, gone) {
      const before = await own(caller, id);
      const milliseconds = Math.min(wait, longestWait) * 1_000;
      const run = wait > 0 ? await (await runs.open()).wait(id, milliseconds, gone).catch(unavailable) : before;
      return { value: view(run ?? before), rule: undefined, detail: `run ${id}` };
    },
    async output(caller, id) {
      const run = await own(caller, id);
      if (run.finished === undefined) throw new BrokerRefusal('run-not-over', { names: [run.flow], retryAfter: 1 });
      const { flow, rule, maxTtl } = permission.flow(caller, run.flow, 'unapproved');
      const inputs = checkedInputs(flow, run.inputs);
      const isLate = clock.now() > run.finished + flow.outputWindow * 1_000;
      if (run.state !== 'succeeded' || isLate)
        throw new BrokerRefusal('no-output', { names: [run.flow], detail: run.state });
      // what its steps gave is that of the flow as it was
      if ((await app.bindingOf(flow, inputs)) !== run.binding)
        throw new BrokerRefusal('no-output', { names: [run.flow], detail: 'the flow is another one by now' });
      const output = await app.outputOf(flow, inputs, {
        agent: caller.agent,
        kept: await (await runs.open()).kept(id),
      });
      for (const shown of shownIn(output)) {
        if (shown.as !== 'token') continue;
        const { expiresAt = Infinity } = shown.token;
        requireShort(expiresAt * 1_000 - clock.now(), maxTtl, run.flow);
      }
      const value = { output: outputJson(output, clock.now()), as: outputKinds(output) };
      return { value, rule, values: valuesIn(output, run.flow), detail: `run ${id}` };
    },
    async cancel(caller, id) {
      const { flow } = await own(caller, id);
      const run = await (await runs.open()).cancel(id, caller.agent).catch((error: unknown) => {
        if (error instanceof FlowError && error.code === 'conflict')
          throw new BrokerRefusal('run-over', { names: [flow] });
        return unavailable(error);
      });
      return { value: view(run), rule: undefined, detail: `run ${id}` };
    },
  };
}

/** Whose rules go on holding for the run, and whose approvals it shares. */
function chainOf({ agentRun }: Caller): Run['agentRuns'] {
  if (agentRun === undefined || agentRun.chain.length === 0) return undefined;
  return agentRun.chain.map(({ run, agent }) => ({ run, agent }));
}

/** The database of runs cannot be used. */
export function unavailable(error: unknown): never {
  if (error instanceof FlowError && (error.code === 'unavailable' || error.code === 'timeout'))
    throw new BrokerRefusal('runs-unavailable', { retryAfter: 1, cause: error });
  throw refusalOf(error);
}
