import { type ProblemCode, problems } from '../foundation/wire.ts';

interface CodeFacts {
  /** one sentence: what happened */
  readonly meaning: string;
  /** whether the same request may succeed later with nothing changed by anyone */
  readonly retryable: boolean;
  /** one sentence: what to do */
  readonly remedy: string;
}

/** What a broker refuses for now: the request did not arrive in time, there were too many, something does not answer. */
const passing: ReadonlySet<number> = new Set([408, 429, 503]);

const told = (code: ProblemCode, remedy: string): CodeFacts => {
  const { detail, status } = problems[code];
  return { meaning: detail, retryable: passing.has(status), remedy };
};

const table = {
  // what the broker refuses
  'not-authenticated': told(
    'not-authenticated',
    'Send a token of `flows agents add` that is neither revoked nor expired, or an identity that policy.yaml trusts.',
  ),
  'not-allowed': told('not-allowed', 'Check the name; `flows policy explain` tells the operator which rule decided.'),
  'reason-required': told('reason-required', 'Give `reason` to createClient.'),
  'approval-required': told('approval-required', 'Ask one of the people whom policy names, then try again.'),
  'approval-denied': told('approval-denied', 'Go on without it, and say so; do not read it as a time-out.'),
  'approval-expired': told('approval-expired', 'Ask again while somebody is there to answer.'),
  'approval-cancelled': told('approval-cancelled', 'Ask again, if it is still needed.'),
  'approval-stale': told('approval-stale', 'Ask again: a new approval is opened.'),
  'approval-over': told('approval-over', 'Look at the approval: it says what became of it.'),
  'approval-pending-limit': told('approval-pending-limit', 'Wait for the answers to what was asked for already.'),
  'passkey-counter': told('passkey-counter', 'Enrol another passkey, and take this one out of policy.yaml.'),
  restarting: told('restarting', 'Try again.'),
  'rate-limited': told(
    'rate-limited',
    'Wait for `retryAfter` seconds, and make one client instead of one per request.',
  ),
  'run-ended': told('run-ended', 'Begin another: its work, its time, its operator or the run above ended it.'),
  'run-required': told('run-required', 'Ask within run(async (run) => …), by the client that it gives.'),
  'run-too-deep': told('run-too-deep', 'Do its work in the run above.'),
  'write-not-served': told('write-not-served', 'Begin a run of it over HTTP, or run `flows NAME` where its files are.'),
  'not-a-run': told('not-a-run', 'Call run() instead.'),
  'no-such-run': told('no-such-run', 'Check the id; a run is there for the agent that began it alone.'),
  'run-over': told('run-over', 'Look at the run.'),
  'run-not-over': told('run-not-over', 'Wait for the run.'),
  'no-output': told(
    'no-output',
    'Look at the run; ask for its output sooner, or have `output-window` of the flow raised.',
  ),
  'key-reused': told('key-reused', 'Send a new Idempotency-Key with each run.'),
  'runs-unavailable': told('runs-unavailable', 'Try again later, and tell the operator.'),
  'not-a-token': told('not-a-token', 'Call run() instead of token().'),
  'ttl-exceeds-policy': told(
    'ttl-exceeds-policy',
    'Have the operator raise `max-ttl` in policy.yaml, or shorten the tokens at the issuer.',
  ),
  'invalid-request': told('invalid-request', 'Compare the inputs with those that `flows NAME --help` lists.'),
  'upstream-unavailable': told('upstream-unavailable', 'Try again later, after `retryAfter` seconds where it is set.'),
  'upstream-refused': told('upstream-refused', 'Give the operator `requestId`: the audit trail has the cause.'),
  'audit-unavailable': told('audit-unavailable', 'Tell the operator, and try again once the trail can be written.'),
  overloaded: told('overloaded', 'Try again after `retryAfter` seconds.'),
  internal: told('internal', 'Give the operator `requestId`: the log has the fault.'),
  // what its HTTP server refuses: none of it is of an agent's doing where nothing stands between the two
  'origin-refused': told('origin-refused', 'Ask from a program: nothing of a web page may reach a broker.'),
  'not-found': told('not-found', 'Check that `broker` names a broker, and one that is no older than this client.'),
  'method-not-allowed': told('method-not-allowed', 'Look for a proxy that changes requests on their way.'),
  'request-timeout': told('request-timeout', 'Try again.'),
  'too-large': told('too-large', 'Send smaller inputs.'),
  'unsupported-media-type': told('unsupported-media-type', 'Look for a proxy that changes requests on their way.'),
  'expectation-failed': told('expectation-failed', 'Look for a proxy that changes requests on their way.'),
  misdirected: told('misdirected', 'Call the broker by a name of its certificate, or one of `server: { names }`.'),
  'headers-too-large': told('headers-too-large', 'Send a shorter credential.'),
  // what the client finds by itself
  unreachable: {
    meaning: 'Nobody answers at the address.',
    retryable: true,
    remedy: 'See that `flows serve` runs, and that `broker` is where it listens.',
  },
  timeout: {
    meaning: 'No answer came within the deadline.',
    retryable: true,
    remedy: 'Try again, or give `deadline` more milliseconds.',
  },
  protocol: {
    meaning: 'What answered is no broker, or its answer was cut short.',
    retryable: false,
    remedy: 'See what listens at the address that `broker` names.',
  },
  unsafe: {
    meaning: 'Nothing proves that the broker listens there, or others can replace its socket: nothing was sent.',
    retryable: false,
    remedy: 'See who listens; where another user runs the broker, give `ca` its certificate or use https.',
  },
  'no-credential': {
    meaning: 'There is no agent token to send, or what should be one is not.',
    retryable: false,
    remedy: 'See what `token` gives, and that its file can be read.',
  },
  closed: { meaning: 'The client was closed.', retryable: false, remedy: 'Make another with createClient.' },
} as const satisfies Readonly<Record<ProblemCode, CodeFacts>> & Readonly<Record<string, CodeFacts>>;

/**
 * Why a broker gave nothing: what it refuses, by its stable codes, and what this side found.
 * @example
 * const ours: ReadonlySet<BrokerErrorCode> = new Set(['reason-required', 'invalid-request', 'not-a-token']);
 */
export type BrokerErrorCode = keyof typeof table;

/**
 * Every code of a `BrokerError`: what it means, whether trying again can help, and what to do. A newer broker may have
 * more.
 * @example
 * const facts = Object.entries(brokerErrorCodes).find(([code]) => code === error.code)?.[1];
 * console.error(facts?.meaning ?? error.code, facts?.remedy ?? '');
 * if (facts?.retryable === true) setTimeout(again, (error.retryAfter ?? 1) * 1_000);
 */
export const brokerErrorCodes: Readonly<Record<BrokerErrorCode, CodeFacts>> = table;
