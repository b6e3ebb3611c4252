import { hash } from 'node:crypto';
import type { Flow } from '../../folder/flows/flow.ts';
import type { ApproveRule, Policy } from '../../folder/policy/policy.ts';
import { canonical } from '../../foundation/canonical-json.ts';
import { FlowError } from '../../foundation/errors.ts';
import type { PeopleQuestion } from '../../steps/contract.ts';
import type { DemandFacts } from './demand.ts';
import { type Wanted, wantedOf } from './approval-wanted.ts';

/** A step of a run that asks people. */
export interface AskingStep extends PeopleQuestion {
  /** id of the run */
  readonly run: string;
  readonly step: string;
}

export interface StepFacts extends Pick<DemandFacts, 'caller' | 'installation' | 'environment'> {
  readonly policy: Policy;
  readonly flow: Flow;
  readonly asking: AskingStep;
}

/** seconds that a yes waits for its run, where that has to go on somewhere else first */
const lasts = 600;

/** What a step of a run asks people: a yes is for this step of this run, and what it was asked for. @throws FlowError invalid */
export function stepWanted({ policy, flow, asking, ...facts }: StepFacts): Wanted {
  const { reason, approvers, timeout, run, step } = asking;
  const unknown = approvers.find((name) => policy.approvers?.has(name) !== true);
  if (unknown !== undefined)
    throw new FlowError('invalid', `policy.yaml has no approver "${unknown}"`, {
      hint: `add them: flows approvers add ${unknown}`,
      place: { flow: flow.name, step },
    });
  const terms = {
    scope: 'call',
    by: [...new Set(approvers)].toSorted(),
    needs: 1,
    wait: timeout,
    expires: lasts,
    uses: undefined,
    self: false,
  } as const;
  const text = canonical(terms);
  const rule: ApproveRule = { ...terms, names: [], flows: [], text, location: `${flow.name}, step ${step},` };
  const is = `step ${step} of flow ${flow.name} ${hash('sha256', flow.source.text, 'base64url')}`;
  return wantedOf({
    ...facts,
    kind: 'step',
    inputs: { reason },
    run,
    asked: [flow.name],
    known: () => [flow.name],
    gated: (name) => (name === flow.name ? { name, is, rules: [rule] } : undefined),
  });
}
