import { createAuthenticator } from '../../../src/broker/authentication/authenticate.ts';
import { bearerHash, createBearer } from '../../../src/broker/authentication/bearer-token.ts';
import { createClaimCheck } from '../../../src/broker/authentication/operator-token.ts';
import { keptInMemory } from '../../../src/broker/kept/in-memory.ts';
import type { AuditEvent, AuditTrail } from '../../../src/audit/contract.ts';
import type { Broker, Caller, GrantedToken, RunRequest } from '../../../src/broker/contract.ts';
import { BrokerRefusal } from '../../../src/broker/refusal.ts';
import { agentsOf } from '../../broker/authentication/policies.ts';
import { type RunningServer, type ServeOptions, startServer } from '../../../src/surfaces/server/http-server.ts';
import { systemClock } from '../../../src/foundation/clocks.ts';
import { noHookRules } from '../../../src/folder/policy/policy.ts';
import { ownCertificate } from '../../../src/surfaces/server/own-certificate.ts';
import { createLogger } from '../../../src/surfaces/server/log.ts';

/** What proves the brokers of these tests. */
export const own = ownCertificate(Buffer.alloc(32, 'own'), '127.0.0.1');

export const canary = 'canary-7f3a91c2';
export const granted: GrantedToken = {
  access_token: `eyJ.${canary}.sig`,
  token_type: 'Bearer',
  expires_in: 600,
  expires_at: 1_900_000_000,
  scope: 'orders:read',
};

/** A trail in memory that can be made to fail, and to wait. */
export function memoryTrail() {
  const events: AuditEvent[] = [];
  const state = { broken: false, hold: undefined as Promise<void> | undefined, asked: 0 };
  const trail: Pick<AuditTrail, 'record'> = {
    async record(event) {
      state.asked += 1;
      await state.hold;
      if (state.broken) throw new Error('disk full');
      events.push(event);
    },
  };
  return { trail, events, state };
}

/** The broker's contract over a table in memory, recording before it answers as the contract wants. */
export function standInBroker(trail: Pick<AuditTrail, 'record'>) {
  const callers: Caller[] = [];
  const state = {
    cached: true,
    wait: undefined as Promise<void> | undefined,
    begun: [] as RunRequest[],
    rules: noHookRules,
  };

  async function settle(
    caller: Caller,
    action: AuditEvent['action'],
    what: readonly string[],
    refusal?: BrokerRefusal,
  ) {
    callers.push(caller);
    const { agent, request, run, reason, address } = caller;
    const outcome = refusal === undefined ? 'allowed' : 'denied';
    try {
      await trail.record({ agent, action, what, outcome, code: refusal?.code, request, run, reason, address });
    } catch (cause) {
      throw new BrokerRefusal('audit-unavailable', { cause });
    }
    if (refusal !== undefined) throw refusal;
  }
  const running = (flow: string) => ({
    id: 'run-1',
    flow,
    state: 'running' as const,
    created: '2030-01-01T00:00:00.000Z',
  });
  const operated = { ...running('report'), environment: 'development', agent: 'codex', request: 'r-1' };
  const known = (id: string) => (id === 'run-1' ? undefined : new BrokerRefusal('no-such-run'));
  const allowed = new Set(['orders-token', 'report', 'slow']);
  const judge = (flow: string) => {
    if (flow === 'limited') return new BrokerRefusal('rate-limited', { names: [flow], retryAfter: 7 });
    if (flow === 'writes') return new BrokerRefusal('write-not-served', { names: [flow] });
    if (flow === 'down') return new BrokerRefusal('upstream-unavailable', { names: [flow] });
    return allowed.has(flow) ? undefined : new BrokerRefusal('not-allowed', { names: [flow] });
  };
  const broker: Broker = {
    async secrets(caller, names) {
      const denied = names.filter((name) => !name.startsWith('openai.'));
      await settle(
        caller,
        'secrets.resolve',
        names,
        denied.length === 0 ? undefined : new BrokerRefusal('not-allowed', { names: denied }),
      );
      const value = { value: canary, expiresAt: '2030-01-01T00:00:00.000Z' };
      return { resolved: Object.fromEntries(names.map((name) => [name, value])), cached: false };
    },
    async token(caller, flow) {
      if (flow === 'slow') await state.wait;
      if (flow === 'broken') throw new TypeError(`a fault with ${canary} in it`);
      await settle(caller, 'token.issue', [flow], judge(flow));
      return granted;
    },
    cachedToken(caller, flow) {
      if (!state.cached || flow !== 'orders-token') return undefined;
      return { token: granted, recorded: settle(caller, 'token.issue', [flow]) };
    },
    cachedSecrets(caller, names) {
      if (!state.cached || names.some((name) => !name.startsWith('openai.'))) return undefined;
      const value = { value: canary, expiresAt: '2030-01-01T00:00:00.000Z' };
      const secrets = { resolved: Object.fromEntries(names.map((name) => [name, value])), cached: false };
      return { secrets, recorded: settle(caller, 'secrets.resolve', names) };
    },
    async secretNames(caller) {
      await settle(caller, 'secrets.list', []);
      return ['openai.api_key', 'openai.org'];
    },
    async rejected(caller, flow) {
      await settle(caller, 'token.rejected', [flow], judge(flow));
      return { evicted: true };
    },
    async run(caller, flow, inputs) {
      await settle(caller, 'flow.run', [flow], judge(flow));
      return { output: { inputs: Object.keys(inputs) }, as: { inputs: 'plain' } };
    },
    async flows(caller) {
      await settle(caller, 'flows.list', []);
      const inputs = { type: 'object', properties: {}, required: [], additionalProperties: false } as const;
      return [{ name: 'orders-token', description: 'Bearer token for the Orders API', effect: 'none', inputs }];
    },
    async access(caller, { name }) {
      await settle(caller, 'access.checked', [name]);
      return judge(name) === undefined ? { allowed: true } : { allowed: false };
    },
    async inspect(caller, texts) {
      await settle(caller, 'hook.inspect', []);
      const found = texts.flatMap((each, text) => {
        const from = Buffer.from(each).indexOf(canary);
        return from === -1
          ? []
          : [{ text, name: 'openai.api_key', kind: 'secret' as const, from, to: from + canary.length }];
      });
      return { found, rules: state.rules, environments: ['orders-env'] };
    },
    items: {
      vaults: () => Promise.reject(new Error('not asked')),
      list: () => Promise.reject(new Error('not asked')),
      read: () => Promise.reject(new Error('not asked')),
      write: () => Promise.reject(new Error('not asked')),
      remove: () => Promise.reject(new Error('not asked')),
    },
    runs: {
      async plan(caller, flow) {
        await settle(caller, 'run.planned', [flow], judge(flow));
        const steps = [{ step: 'write', uses: 'test/write', effect: 'write', changes: ['create'] }] as const;
        return { hash: 'a'.repeat(64), wouldChange: true, conflicts: false, steps };
      },
      async start(caller, flow, request) {
        await settle(caller, 'run.started', [flow], judge(flow));
        state.begun.push(request);
        return running(flow);
      },
      async look(caller, id, wait) {
        await settle(caller, 'run.read', [], known(id));
        return wait > 0
          ? { ...running('report'), state: 'succeeded', finished: '2030-01-01T00:00:01.000Z' }
          : running('report');
      },
      async output(caller, id) {
        await settle(caller, 'run.output', [], known(id));
        return { output: canary, as: 'secret' };
      },
      async cancel(caller, id) {
        await settle(caller, 'run.cancelled', [], known(id));
        return running('report');
      },
    },
    operator: {
      async runs(caller, filter) {
        await settle(caller, 'operator.look', []);
        return { runs: [{ ...operated, flow: filter.flow ?? 'report' }], schedules: [] };
      },
      async run(caller, id) {
        await settle(caller, 'operator.look', [], known(id));
        const step = { step: 'write', uses: 'test/write', state: 'done', inputs: { name: 'x' } } as const;
        return { ...operated, steps: [{ ...step, started: operated.created }] };
      },
      async cancelRun(caller, id) {
        await settle(caller, 'run.cancelled', [], known(id));
        return operated;
      },
      async resumeRun(caller, id) {
        await settle(caller, 'run.resumed', [], known(id));
        return operated;
      },
    },
  };
  return { broker, callers, state };
}

export const operatorKey = new Uint8Array(32).fill(7);
export const bearer = createBearer().reveal();

export interface Stand {
  readonly server: RunningServer;
  readonly url: string;
  readonly events: AuditEvent[];
  readonly trailState: ReturnType<typeof memoryTrail>['state'];
  readonly brokerState: ReturnType<typeof standInBroker>['state'];
  readonly callers: Caller[];
  readonly ready: Record<string, boolean>;
}

/** The server in front of the stand-in broker, with the real authenticator. */
export async function startStand(more: Partial<ServeOptions> = {}): Promise<Stand> {
  const { trail, events, state: trailState } = memoryTrail();
  const { broker, callers, state: brokerState } = standInBroker(trail);
  const policy = agentsOf({ codex: { tokens: [{ sha256: bearerHash(bearer) ?? '', expires: undefined }] } });
  const ready = { trail: true, policy: true, vault: true };
  const server = await startServer({
    broker,
    authenticator: createAuthenticator({ policy: () => policy, now: Date.now, development: true }),
    operators: createClaimCheck({ keys: [operatorKey], kept: keptInMemory(systemClock), now: Date.now }),
    overview: async () => ({
      environment: 'test',
      policy: 'none',
      checks: ready,
      wrong: [],
      refusals: {},
      failures: {},
      requests: {},
    }),
    trail,
    listen: { port: 0 },
    own,
    log: createLogger('silent'),
    ready: () => ready,
    ...more,
  });
  return { server, url: server.url ?? '', events, trailState, brokerState, callers, ready };
}

export const authorized = { authorization: `Bearer ${bearer}` };
