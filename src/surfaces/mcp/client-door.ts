import { BrokerError } from '../../client/broker-error.ts';
import { parseAddress } from '../../client/broker-address.ts';
import { createClient } from '../../client/client.ts';
import type { AgentRun } from '../../client/contract.ts';
import type { Credential } from '../../client/credential.ts';
import { createRequests, type Sender } from '../../client/request.ts';
import { FlowError } from '../../foundation/errors.ts';
import { madeOnce } from '../../foundation/made-once.ts';
import { headerNames, largestBody } from '../../foundation/wire.ts';
import type { Door, DoorRequest, Json } from './broker-door.ts';

/** Where the broker is, and who asks. */
export interface BrokerPlace {
  /** as `broker` of a client */
  readonly broker: string;
  readonly token: Credential;
  /** `X-Agent-Run-Id`: claimed */
  readonly claimed?: string | undefined;
  /** why, for all that it asks for */
  readonly reason?: string | undefined;
}

export interface ClientDoor extends Door {
  /** Ends the agent run, and all that is under way. */
  close(): Promise<void>;
}

/** milliseconds: more than the longest that an answer is held back */
const deadline = 90_000;

/**
 * A way to a broker of another process, for one session of a client, which is one agent run: begun with the first
 * request that gets something, ended with the session. Where the broker is not reached any more, or has ended the run, it
 * is looked for anew, once a request: what is asked only reads, or has a key by which it is done once.
 * @param place asked for again whenever the way is lost @throws FlowError where there is none
 */
export function createClientDoor(place: () => Promise<BrokerPlace>): ClientDoor {
  const connected = madeOnce(async () => connectTo(await place()));
  let closed = false;

  async function ask(request: DoorRequest, again = true): Promise<Json> {
    if (closed) throw new BrokerError('closed');
    const connection = await connected.get();
    try {
      return await connection.ask(request);
    } catch (error) {
      if (!again || request.signal.aborted || !(error instanceof BrokerError) || !isLost.has(error.code)) throw error;
      // of many that find it lost the first one has it looked for
      if ((await connected.known()) === connection) {
        connected.forget();
        // whoever is in the middle of something there is told, and asks again
        void connection.close();
      }
      return ask(request, false);
    }
  }

  return {
    ask: (request) => ask(request),
    async close() {
      closed = true;
      await (await connected.known())?.close();
    },
  };
}

const isLost: ReadonlySet<string> = new Set(['unreachable', 'run-ended', 'not-authenticated', 'closed']);

interface Connection extends Door {
  close(): Promise<void>;
}

function connectTo({ broker, token, claimed, reason }: BrokerPlace): Connection {
  const { requests, client } = made();
  const run = madeOnce(() => begin());
  const over = Promise.withResolvers<void>();
  let ended: Promise<void> | undefined;

  function made() {
    try {
      return {
        requests: createRequests({ address: parseAddress(broker), deadline, ca: undefined }),
        client: createClient({ broker, token, deadline, agentRunId: claimed, reason }),
      };
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      throw new FlowError('usage', error.message, { hint: 'see FLOWS_BROKER, FLOWS_AGENT_RUN_ID and FLOWS_REASON' });
    }
  }

  /** It goes on until the session ends. */
  function begin(): Promise<AgentRun> {
    const begun = Promise.withResolvers<AgentRun>();
    const work = async (mine: AgentRun) => {
      begun.resolve(mine);
      await over.promise;
    };
    ended = client.run(work, { expires: '24h' }).catch(begun.reject);
    return begun.promise;
  }

  return {
    async ask({ method, path, body, key, approvals = [], waits = 0, looks, signal }) {
      // the broker would hang up in the middle of it
      if (Buffer.byteLength(JSON.stringify(body ?? null)) > largestBody) throw new BrokerError('too-large');
      // what only looks does not wait for it, but whoever looks gets something soon
      const begun = run.get();
      begun.catch(() => undefined);
      const mine = looks === true ? undefined : await begun;
      const headers = {
        ...(mine !== undefined || claimed === undefined ? {} : { [headerNames.run]: claimed }),
        ...(key === undefined ? {} : { [headerNames.key]: key }),
        ...(approvals.length === 0 ? {} : { [headerNames.approval]: approvals.join(',') }),
        ...(waits === 0 ? {} : { prefer: `wait=${waits}` }),
      };
      const sender: Sender = { token: mine === undefined ? token : () => mine.credential(), headers };
      const answer = method === 'GET' ? requests.get(sender, path, signal) : requests.post(sender, path, body, signal);
      return jsonOf(await answer);
    },
    async close() {
      over.resolve();
      await ended;
      client.close();
      requests.close();
    },
  };
}

function jsonOf(answer: unknown): Json {
  if (typeof answer === 'object' && answer !== null && !Array.isArray(answer)) return { ...answer };
  throw new BrokerError('protocol', { detail: 'the answer is no object' });
}
