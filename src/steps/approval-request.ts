import { parseDuration } from '../foundation/duration.ts';
import { durationForm } from '../language/duration-form.ts';
import { form, required, withDefault } from '../language/forms.ts';
import { writeStep } from './contract.ts';

/** seconds */
const longestTimeout = 86_400;

/** Asks each time that it runs; a run that goes on after a crash is given the answer that it was given before. */
export const approvalRequest = writeStep({
  name: 'approval/request',
  summary:
    'Asks people, and waits until one of them says yes. A run of the broker asks the approvers of policy.yaml; at a terminal whoever runs the flow answers, and the trail says so.',
  effect: 'write',
  asksPeople: () => true,
  answeredBy: 'approvers',
  with: {
    reason: required(form.text({ pattern: /^.{1,500}$/u, expects: 'one line of at most 500 characters' }), 'for what', {
      example: 'Refund of ${{ inputs.order }}',
    }),
    approvers: required(
      form.list(form.text(), { minimum: 1, maximum: 100, orOne: true }),
      'who may say yes, of `approvers:` in policy.yaml; not an owner of the agent that asks',
      { example: '[ann, bo]' },
    ),
    timeout: withDefault(durationForm, '10m', 'how long it waits, at most 1d'),
  },
  output: { by: { type: 'text', description: 'who said yes: an approver, or local:USER at a terminal' } },
  scalar: 'by',
  check({ timeout = '' }) {
    if ((parseDuration(timeout) ?? 0) <= longestTimeout) return [];
    return [{ key: 'timeout', problem: 'it waits at most 24h', hint: 'shorten it' }];
  },
  planWithout: ['reason', 'approvers'],
  async plan({ reason, approvers }) {
    const what = approvers === undefined ? 'people' : approvers.join(' or ');
    return { changes: [{ action: 'ask', what, ...(reason === undefined ? {} : { detail: reason }) }] };
  },
  async run({ reason, approvers, timeout }, context) {
    return { by: await context.askPeople({ reason, approvers, timeout: parseDuration(timeout) ?? 0 }) };
  },
});
