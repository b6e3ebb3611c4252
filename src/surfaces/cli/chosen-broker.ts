import { statSync } from 'node:fs';
import { BrokerError } from '../../client/broker-error.ts';
import type { BrokerErrorCode } from '../../client/error-codes.ts';
import { createClient } from '../../client/client.ts';
import type { Client } from '../../client/contract.ts';
import type { Credential } from '../../client/credential.ts';
import { type ErrorCode, FlowError } from '../../foundation/errors.ts';
import type { ProblemCode, RefusalCode } from '../../foundation/wire.ts';
import { looseArguments } from './arguments.ts';
import { commonOptions } from './command-table.ts';
import { flowsFolder } from './flows-folder.ts';
import type { Invocation } from './invocation.ts';

/** A broker that this command asks instead of the vault. */
export interface ChosenBroker {
  /** for a person */
  readonly address: string;
  /** the variables that chose it: without them the command asks the vault itself */
  readonly variables: readonly string[];
  /** what proves who asks */
  readonly token: Credential;
  /** what is asked, in a connection that ends with it */
  ask<T>(work: (client: Client) => Promise<T>): Promise<T>;
}

/** milliseconds: a sign-in waits for a fresh one-time code, and the server gives up after as long */
const deadline = 120_000;

/**
 * The broker that the environment's variables name: FLOWS_BROKER, else the one that runs for the folder, where
 * FLOWS_AGENT_TOKEN_FILE (or FLOWS_AGENT_TOKEN) tells who asks. Undefined where none of them is set: only then does a
 * command run everything itself. @throws FlowError
 */
export async function chosenBroker(invocation: Invocation): Promise<ChosenBroker | undefined> {
  const named = variable('FLOWS_BROKER');
  const token = credential(invocation);
  if (named === undefined && token === undefined) return undefined;
  if (token === undefined) {
    throw new FlowError('usage', 'FLOWS_BROKER is set, but nothing says who asks it', {
      hint: 'set FLOWS_AGENT_TOKEN_FILE to a file with what `flows agents add` printed',
    });
  }
  const { dir, environment } = looseArguments(invocation.argv, commonOptions);
  if (named !== undefined && environment !== undefined) {
    throw new FlowError('usage', 'the broker that FLOWS_BROKER names has one environment, its own', {
      hint: 'leave --environment out, or unset FLOWS_BROKER',
    });
  }
  const address = named ?? (await runningFor(flowsFolder(dir), environment ?? variable('FLOWS_ENVIRONMENT')));
  const variables = ['FLOWS_BROKER', 'FLOWS_AGENT_TOKEN_FILE', 'FLOWS_AGENT_TOKEN'].filter(
    (name) =>
      variable(name) !== undefined || (name === 'FLOWS_AGENT_TOKEN' && invocation.taken.secret(name) !== undefined),
  );
  return { address, variables, token, ask: (work) => asked(work, address, token, invocation.signal) };
}

async function asked<T>(
  work: (client: Client) => Promise<T>,
  broker: string,
  token: Credential,
  signal: AbortSignal,
): Promise<T> {
  let client;
  try {
    const [agentRunId, reason] = [variable('FLOWS_AGENT_RUN_ID'), variable('FLOWS_REASON')];
    client = createClient({ broker, token, deadline, agentRunId, reason });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new FlowError('usage', error.message, { hint: 'see FLOWS_BROKER, FLOWS_AGENT_RUN_ID and FLOWS_REASON' });
  }
  signal.addEventListener('abort', client.close, { once: true });
  try {
    return await work(client);
  } finally {
    signal.removeEventListener('abort', client.close);
    client.close();
  }
}

function variable(name: string): string | undefined {
  return process.env[name] || undefined;
}

function credential({ taken, terminal }: Invocation): Credential | undefined {
  const file = variable('FLOWS_AGENT_TOKEN_FILE');
  const secret = taken.secret('FLOWS_AGENT_TOKEN');
  if (file === undefined) return secret === undefined || secret.isEmpty ? undefined : () => secret.reveal();
  const mode = statSync(file, { throwIfNoEntry: false });
  if (mode?.isFile() === true && (mode.mode & 0o077) !== 0)
    terminal.tell('warning', `others can reach the agent token: chmod 600 ${file}`);
  return { file };
}

/** @throws FlowError unavailable where none runs, refused where it has another environment than the one that is wanted */
async function runningFor(dir: string, wanted: unknown): Promise<string> {
  const { findBroker } = await import('../server/announcement.ts');
  const found = statSync(dir, { throwIfNoEntry: false }) === undefined ? undefined : findBroker(dir);
  const address = found?.socket === undefined ? found?.url : `unix:${found.socket}`;
  if (found === undefined || address === undefined) {
    throw new FlowError('unavailable', `no broker runs for ${dir}`, {
      hint: 'start it with `flows serve`, or set FLOWS_BROKER; without FLOWS_AGENT_TOKEN_FILE the command asks the vault itself',
    });
  }
  if (wanted !== undefined && wanted !== found.environment) {
    throw new FlowError('refused', `the broker of ${dir} serves environment ${found.environment}`, {
      hint: 'leave --environment and FLOWS_ENVIRONMENT out, or set FLOWS_BROKER to another one',
    });
  }
  return address;
}

type Told = readonly [ErrorCode, string, string];
/** What says that no `flows serve` answers there as it should: {@link unknown}. */
type Unlikely = Exclude<ProblemCode, RefusalCode> | 'internal' | 'protocol';

/** What an agent's refusals are at the command line: code, message, hint. */
const table = {
  'not-authenticated': ['denied', 'the broker does not know who asks', 'the agent token is wrong, revoked or expired'],
  'not-allowed': ['denied', 'policy does not allow it, or there is no such name', ''],
  'approval-required': ['denied', 'a person must approve it first', 'ask one of the approvers that policy names'],
  'approval-denied': ['denied', 'a person said no to it', ''],
  'approval-expired': ['timeout', 'nobody answered in time', 'ask again while an approver is there'],
  'approval-cancelled': ['aborted', 'it was taken back before anybody answered', ''],
  'approval-stale': ['denied', 'what was approved has changed since, or is used up', 'ask again'],
  'approval-over': ['conflict', 'it is decided already', ''],
  'approval-pending-limit': ['rate-limited', 'too many approvals wait already', 'wait for the answers'],
  'passkey-counter': ['denied', 'the passkey may have been copied', ''],
  restarting: ['unavailable', 'the broker is stopping', 'ask again'],
  'reason-required': ['denied', 'policy wants a reason', 'set FLOWS_REASON'],
  'rate-limited': ['rate-limited', 'the broker was asked too often', 'try again later'],
  'run-ended': ['denied', 'the agent run has ended', 'begin another'],
  'run-required': ['denied', 'policy wants a proven agent run', 'set FLOWS_AGENT_TOKEN to the token of one'],
  'run-too-deep': ['refused', 'agent runs have at most five levels', ''],
  'write-not-served': ['refused', 'it writes: the broker takes it as a run', 'run it where its files are'],
  'not-a-run': ['usage', 'it only reads', 'run it by its name'],
  'no-such-run': ['not-found', 'there is no such run', ''],
  'run-over': ['conflict', 'the run is over', ''],
  'run-not-over': ['conflict', 'the run goes on', 'wait for it'],
  'no-output': ['not-found', 'the run gives no output any more', ''],
  'key-reused': ['conflict', 'the key began another run', ''],
  'runs-unavailable': ['unavailable', 'the broker cannot keep runs at the moment', 'try again later'],
  'not-a-token': ['usage', 'its output is not a token', 'leave --header out'],
  'ttl-exceeds-policy': ['denied', 'it would live longer than policy allows', ''],
  'invalid-request': ['usage', 'the broker does not take these inputs', 'see --help'],
  'upstream-unavailable': ['unavailable', 'a service that the broker asked does not answer', 'try again later'],
  'upstream-refused': ['denied', 'a service that the broker asked refused', ''],
  'audit-unavailable': ['unavailable', 'the broker cannot write its audit trail', 'tell the operator'],
  overloaded: ['unavailable', 'the broker has too much to do', 'try again soon'],
  unreachable: ['unavailable', 'the broker does not answer', 'is `flows serve` running there?'],
  timeout: ['timeout', 'the broker did not answer in time', 'try again later'],
  unsafe: ['refused', '', 'nothing was sent'],
  'no-credential': ['denied', 'there is no agent token', 'see FLOWS_AGENT_TOKEN_FILE'],
  closed: ['aborted', 'interrupted', 'run it again'],
} as const satisfies Readonly<Record<Exclude<BrokerErrorCode, Unlikely>, Told>>;
const told: ReadonlyMap<string, Told> = new Map(Object.entries(table));
const unknown: Told = ['protocol', 'the broker gave no valid answer', 'is it `flows serve` that answers there?'];

/** A failure at the broker as one of the command: never text of the answer, and the client's own where nothing was sent. */
export function brokerFailure(error: unknown, subject: string): unknown {
  if (!(error instanceof BrokerError)) return error;
  const [code, message, remedy] = told.get(error.code) ?? unknown;
  const { requestId, retryAfter } = error;
  const why = requestId === undefined ? '' : `why: flows policy explain --request ${requestId}, by the operator`;
  return new FlowError(code, saidHere(error, message), {
    hint: [remedy, why].filter((part) => part !== '').join('; '),
    place: { subject },
    cause: error,
    retryAfter,
  });
}

/** With what the client itself found before anything came back. */
function saidHere({ code, detail = '' }: BrokerError, message: string): string {
  if (code === 'unreachable') return `${message}: ${detail}`;
  return code === 'unsafe' || code === 'no-credential' ? detail : message;
}
