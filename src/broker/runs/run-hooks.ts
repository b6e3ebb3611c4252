import { unlistedRun } from '../agent-runs/unlisted-run.ts';
import type { Run, RunControl, RunHooks } from '../../durable/runs/contract.ts';
import { FlowError } from '../../foundation/errors.ts';
import type { Demand } from '../approvals/demand.ts';
import type { Approvals } from '../approvals/gate.ts';
import type { ApprovalState } from '../../foundation/wire.ts';
import type { Pass } from '../approvals/admission-pass.ts';
import type { Wanted } from '../approvals/approval-wanted.ts';
import { type Audited, eventOf } from '../audited-answers.ts';
import type { Caller, ProvenRun } from '../contract.ts';
import type { Permission } from '../permission.ts';
import { BrokerRefusal } from '../refusal.ts';
import type { DrilledRuns } from './drilled-runs.ts';

/** what becomes of an approval without a yes */
const withoutYes: ReadonlySet<ApprovalState> = new Set<ApprovalState>(['denied', 'expired', 'cancelled']);
/** seconds that a run waits for people: what policy says of the approval ends it sooner */
const patience = 366 * 86_400;

export interface RunHooksOptions {
  readonly permission: Permission;
  readonly audited: Pick<Audited, 'record'>;
  readonly drilled: DrilledRuns;
  /** undefined: nobody can be asked */
  readonly approvals: Pick<Approvals, 'admit' | 'redeem' | 'ledger' | 'cancel' | 'sweep'> | undefined;
}

/** Policy, people and the trail, for runs: asked and told whenever a run goes on, wherever it began. */
export function createRunHooks({ permission, audited, approvals, drilled }: RunHooksOptions): RunHooks {
  /** What it waited for, where that ended without a yes while no broker ran: it is the answer, and nobody is asked anew. */
  async function answered({ approval }: Run, wanted: () => Wanted): Promise<readonly string[]> {
    if (approval === undefined) return [];
    await approvals?.sweep();
    const found = await (await approvals?.ledger())?.find(approval);
    if (found === undefined || !withoutYes.has(found.state)) return [];
    // a step waits for another yes than the flow did
    const isWanted = ({ kind, names }: Demand) => kind === found.kind && names.join() === found.names.join();
    return wanted().demands.some(({ demand }) => isWanted(demand)) ? [found.id] : [];
  }

  /** The people's yes, once there is one, and it is used. */
  async function yesTo(run: Run, caller: Caller, wanted: () => Wanted, control: RunControl): Promise<Pass> {
    const { waiting, waitsFor } = control;
    const admitted = async (signal: AbortSignal) => {
      const waits = { waits: patience, waitsFor, gone: () => signal };
      return approvals?.admit({ ...caller, ...waits, approvals: await answered(run, wanted) }, wanted);
    };
    const pass = await waiting(async (signal) => admitted(signal).catch(undecided));
    if (approvals === undefined || pass === undefined)
      throw new BrokerRefusal('approval-required', { names: [run.flow] });
    await approvals.redeem(caller, pass);
    return pass;
  }

  /** What it alone waited for is asked of nobody any more. A yes to a whole agent run may be waited for by others. */
  async function withdraw(run: Run): Promise<void> {
    const asked = run.approval === undefined ? undefined : await (await approvals?.ledger())?.find(run.approval);
    if (asked?.state !== 'pending' || asked.scope !== 'call') return;
    await approvals?.cancel(callerOf(run), asked.id).catch((error: unknown) => {
      // somebody answered in this moment
      if (!(error instanceof BrokerRefusal) || error.code !== 'approval-over') throw error;
    });
  }

  return {
    allowed(run) {
      permission.flow(callerOf(run), run.flow, 'unapproved');
    },
    async agreed(run, planned, control) {
      // after a crash the same run comes again with what it was given
      const caller = { ...callerOf(run), use: `run ${run.id}` };
      const wanted = () =>
        permission.flowWanted(caller, run.flow, { inputs: run.inputs, plan: planned?.hash, run: run.id });
      if (wanted().demands.length === 0) return false;
      await yesTo(run, caller, wanted, control);
      return true;
    },
    async asked(run, step, question, control) {
      const caller = { ...callerOf(run), use: `run ${run.id} step ${step}` };
      const wanted = () => permission.stepWanted(caller, run.flow, { ...question, run: run.id, step });
      const [id = ''] = (await yesTo(run, caller, wanted, control)).ids;
      const { answers = [] } = (await (await approvals?.ledger())?.find(id)) ?? {};
      const yes = answers.find(({ decision }) => decision === 'approve');
      if (yes === undefined) throw new FlowError('internal', 'a yes that nobody gave');
      return yes.approver;
    },
    async over(run, story) {
      const { code, flow, id, state } = run;
      const drill = await drilled(run, story);
      if (drill !== undefined) await audited.record({ ...eventOf(callerOf(run), 'drill.finished', []), ...drill });
      const outcome = state === 'succeeded' ? 'allowed' : 'failed';
      await withdraw(run);
      await audited.record({ ...eventOf(callerOf(run), 'run.finished', [flow]), outcome, code, detail: `run ${id}` });
    },
  };
}

/** That the broker stops is no decision, and ends no run: it waits again at the next start. */
function undecided(error: unknown): Promise<never> {
  if (error instanceof BrokerRefusal && error.code === 'restarting') return new Promise(() => undefined);
  return Promise.reject(error);
}

/** Who began a run, as if it asked now. */
function callerOf(run: Run): Caller {
  const { agent, by, claimedRun, reason, request } = run;
  return { agent, by: by as Caller['by'], request, run: claimedRun, agentRun: provenOf(run), reason, address: 'run' };
}

/**
 * The agent run that it began in. What that was narrowed to was looked at then: the run goes on when it has ended. Its
 * root's approvals are the run's too, and so are the rules of the agents above it.
 */
function provenOf({ agentRun, agentRuns = [] }: Run): ProvenRun | undefined {
  if (agentRun === undefined) return undefined;
  const chain = agentRuns.map((each) => ({ ...each, allow: undefined }));
  return { ...unlistedRun(agentRun), root: chain.at(-1)?.run ?? agentRun, chain };
}
