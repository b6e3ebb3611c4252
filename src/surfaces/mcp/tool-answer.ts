import { BrokerError } from '../../client/broker-error.ts';
import { type BrokerErrorCode, brokerErrorCodes } from '../../client/error-codes.ts';
import { FlowError } from '../../foundation/errors.ts';
import type { Json } from './broker-door.ts';
import { shownText } from './shown-to-models.ts';

/** What a tool gives: JSON, and whether it is a failure. */
export interface ToolAnswer {
  readonly content: Json;
  readonly failed?: boolean;
  /** a person is to open the page of an approval; the call is made again once they said that they would */
  readonly open?: { readonly url: string; readonly message: string; readonly state: Resumed };
}

/** Where a call goes on that was answered by a question to a person. It comes back from the client. */
export interface Resumed {
  readonly approval?: string | undefined;
  readonly run?: string | undefined;
}

/** What a model can do, where the client's own remedy is for a program. */
const remedies: Readonly<Partial<Record<BrokerErrorCode, string>>> = {
  'not-allowed': 'Use one of the flows of list_flows. What is not listed there does not exist for you.',
  'reason-required': 'Call it again with `reason`.',
  'approval-denied': 'Go on without it, and say so. Do not ask again on your own.',
  'write-not-served': 'This flow writes: use plan_flow, then run_flow.',
  'not-a-run': 'This flow only reads: use run_reading_flow.',
  'run-required': 'The operator wants a proven agent run, which this connection has none of.',
  'invalid-request': 'Compare what you gave with the inputs that describe_flow tells.',
  'no-such-run': 'Use an id that run_flow gave.',
  'run-not-over': 'Ask again with get_run.',
  'too-large': 'Give less text.',
  'rate-limited': 'Wait for as long as retry_after says.',
  unreachable: 'Tell the user: the broker does not answer. It runs by `flows serve`.',
  'not-authenticated': 'Tell the user: the agent token is wrong, revoked or expired.',
  'no-credential': 'Tell the user: the file of the agent token cannot be read, or is none.',
};

/**
 * Any failure as a model is told of it: by the tables of codes. Nobody's own words leave, but those of {@link FlowError},
 * which are ours and hold no value.
 */
export function refusedAnswer(error: unknown): ToolAnswer {
  if (error instanceof BrokerError) return { content: toldOf(error), failed: true };
  if (error instanceof FlowError && error.code !== 'internal') {
    // with what to do about it
    return { content: { error: 'not-ready', code: error.code, meaning: shownText(error.line()) }, failed: true };
  }
  const { meaning, remedy } = brokerErrorCodes.internal;
  return { content: { error: 'internal', meaning, remedy }, failed: true };
}

function toldOf({ code, names, retryAfter, requestId }: BrokerError): Json {
  const known = Object.entries(brokerErrorCodes).find(([each]) => each === code)?.[1];
  const remedy = Object.entries(remedies).find(([each]) => each === code)?.[1] ?? known?.remedy;
  return {
    error: code,
    meaning: known?.meaning,
    remedy,
    names: names.length === 0 ? undefined : names,
    retry_after: retryAfter,
    request: requestId,
  };
}

/** What waits for a person: no failure, and no approval of anybody's but theirs. */
export function waitingAnswer({ id, url }: NonNullable<BrokerError['approval']>, run?: Json): ToolAnswer {
  const where = url === undefined ? 'with the operator' : 'on the page at url';
  const next = run === undefined ? `call the same tool again with approval: "${id}"` : 'call get_run';
  return {
    content: {
      status: 'waiting',
      ...run,
      approval: { id, url },
      next: `A person must approve this first, ${where}. Tell the user, wait, then ${next}. Nothing that you or the client answer approves it.`,
    },
    ...(url === undefined
      ? {}
      : {
          open: {
            url,
            message: 'A person must approve this on the page of the broker. Open it?',
            state: run === undefined ? { approval: id } : { run: String(run['run']) },
          },
        }),
  };
}
