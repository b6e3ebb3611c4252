import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AuditEvent, AuditTrail } from '../../src/audit/contract.ts';
import { type BrokerOptions, createBroker } from '../../src/broker/broker.ts';
import { createUpstreamFailures, type UpstreamFailure } from '../../src/broker/upstream-failures.ts';
import type { BrokerClock } from '../../src/foundation/clocks.ts';
import type { Caller } from '../../src/broker/contract.ts';
import { BrokerRefusal } from '../../src/broker/refusal.ts';
import { loadBrokerFiles } from '../../src/folder/policy-and-registry.ts';
import type { Connections } from '../../src/app/connections.ts';
import { FlowError } from '../../src/foundation/errors.ts';
import { createPreparedSteps } from '../../src/engine/prepared-inputs.ts';
import { bindingFor, planFlow } from '../../src/engine/plan-flow.ts';
import { outputOfRun, runFlow } from '../../src/engine/run-flow.ts';
import type { Services } from '../../src/engine/services.ts';
import type { Issuer } from '../../src/adapters/issuers/contract.ts';
import type { Reference } from '../../src/foundation/reference.ts';
import { Secret } from '../../src/foundation/secret.ts';
import type { CacheSettings } from '../../src/folder/service/settings.ts';
import { tokenHash } from '../../src/engine/flow-output.ts';
import { createTokenCache } from '../../src/engine/token-cache.ts';
import { createReadTogether } from '../../src/adapters/vaults/read-together.ts';
import { load } from '../folder/folder.ts';

/** A clock that only the test moves; timers go off when it passes them. */
export interface TestClock extends BrokerClock {
  /** both clocks go on by so many seconds */
  pass(seconds: number): void;
  /** somebody sets the wall clock: so many seconds on, or back */
  setWall(seconds: number): void;
  readonly timers: () => number;
}

export function createClock(): TestClock {
  let wall = Date.UTC(2026, 10, 22);
  let monotonic = 5_000;
  const timers = new Set<{ readonly at: number; readonly call: () => void }>();
  return {
    now: () => wall,
    monotonic: () => monotonic,
    after(milliseconds, call) {
      const timer = { at: monotonic + milliseconds, call };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    pass(seconds) {
      wall += seconds * 1_000;
      monotonic += seconds * 1_000;
      for (const timer of timers) {
        if (timer.at > monotonic) continue;
        timers.delete(timer);
        timer.call();
      }
    },
    setWall(seconds) {
      wall += seconds * 1_000;
    },
    timers: () => timers.size,
  };
}

const flows = {
  'orders-token.yaml': `description: Bearer token for the Orders API
steps:
  - id: token
    uses: oauth/client-credentials
    with: { issuer: "\${{ issuers.main }}", client-id: op://Agents/Orders/username, client-secret: op://Agents/Orders/credential }
output: \${{ steps.token }}
`,
  'orders-again.yaml': `description: The same token under another name
steps:
  - id: token
    uses: oauth/client-credentials
    with: { issuer: "\${{ issuers.main }}", client-id: op://Agents/Orders/username, client-secret: op://Agents/Orders/credential }
output: \${{ steps.token }}
`,
  'tenant-token.yaml': `description: A token for one tenant
inputs:
  tenant: { type: enum, values: [north, south], description: which }
  trace: { type: string, pattern: '[a-z]{1,8}', default: none, description: what for }
steps:
  - id: token
    uses: oauth/client-credentials
    with: { issuer: "\${{ issuers.main }}", client-id: tenant, client-secret: op://Agents/Orders/credential, audience: "\${{ inputs.tenant }}" }
output: \${{ steps.token }}
`,
  'token-and-more.yaml': `description: A token beside something else
steps:
  - id: token
    uses: oauth/client-credentials
    with: { issuer: "\${{ issuers.main }}", client-id: x, client-secret: op://Agents/Orders/credential }
output: { token: "\${{ steps.token }}", note: text }
`,
  'read-one.yaml': `description: Reads one secret
steps:
  - { id: read, uses: vault/read, with: { reference: op://Agents/Plain/credential } }
output: \${{ steps.read }}
`,
  'both.yaml': `description: A token and a secret
steps:
  - { id: token, uses: oauth/client-credentials, with: { issuer: "\${{ issuers.main }}", client-id: y, client-secret: op://Agents/Orders/credential } }
  - { id: read, uses: vault/read, with: { reference: op://Agents/Plain/credential } }
output: { token: "\${{ steps.token }}", value: "\${{ steps.read }}" }
`,
  'make-login.yaml': `description: Writes
steps:
  - id: login
    uses: vault/create-login
    with: { vault: Agents, title: Made, username: made, password: { length: 20 } }
output: \${{ steps.login.item }}
`,
  'only-elsewhere.yaml': `description: Not for this environment
environments: [elsewhere]
steps:
  - { id: read, uses: vault/read, with: { reference: op://Agents/Plain/credential } }
output: \${{ steps.read }}
`,
};

const service = `default-environment: development
environments:
  development:
    notify:
      ops: { type: slack, webhook: op://Agents/Slack/url }
      phone: { type: ntfy, url: https://ntfy.example, topic: op://Agents/ntfy/topic }
  elsewhere: { notify: { elsewhere: { type: slack, webhook: op://Agents/Slack/url } }, key: op://Agents/key/password, vault: { type: onepassword, account: acme }, issuers: { main: { url: https://issuer.example/ } } }
`;

export const policy = `default: deny
agents:
  codex:
    allow: [openai.api_key, github.*, orders.token, short.key]
    flows: [orders-token, tenant-token, token-and-more, read-one, make-login, only-elsewhere]
    deny: [github.admin_token]
    max-ttl: 15m
  careful: { allow: [openai.api_key], flows: [orders-token], require-reason: true }
  quick: { allow: [openai.api_key], flows: [orders-token], max-ttl: 30s, rate: 3/minute }
  other: { allow: [openai.api_key, limited.key], flows: ['*'] }
`;

export const registry = `secrets:
  openai.api_key: { reference: op://Agents/OpenAI/credential, ttl: 30m }
  github.token: { reference: op://Agents/GitHub/token }
  github.write_token: { reference: op://Agents/GitHub/write token }
  github.admin_token: { reference: op://Agents/GitHub/admin token }
  stripe.live_key: { reference: op://Agents/Stripe/live key }
  short.key: { reference: op://Agents/Short/key, ttl: 20s }
  limited.key: { reference: op://Agents/Limited/key, rate: 2/minute }
  orders.token: { flow: orders-token }
`;

export const codex: Caller = { agent: 'codex', by: 'token', request: 'r-1', run: 'run-42', address: '127.0.0.1' };
export const as = (agent: string, more: Partial<Caller> = {}): Caller => ({ ...codex, agent, ...more });

/** A broker on the real engine, policy and steps, over a vault and an issuer of the contracts. */
export async function arrange(
  options: {
    readonly cache?: Partial<CacheSettings>;
    readonly files?: Record<string, string>;
    readonly agentRuns?: (clock: TestClock) => BrokerOptions['agentRuns'];
    readonly approvals?: BrokerOptions['approvals'];
  } = {},
) {
  const clock = createClock();
  const folder = await load({
    'service.yaml': service,
    ...flows,
    'policy.yaml': policy,
    'registry.yaml': registry,
    ...options.files,
  });
  if (folder.problems.length > 0) throw new TypeError(JSON.stringify(folder.problems));
  const environment = folder.settings.environments.get('development');
  if (environment === undefined) throw new TypeError('no environment');

  const batches: (readonly string[])[] = [];
  const broken = new Map<string, FlowError>();
  const vault = {
    batches,
    /** by reference, what reading it gives instead of a value */
    broken,
    down: undefined as FlowError | undefined,
    gate: Promise.resolve() as Promise<unknown>,
    version: 1,
    value: (reference: string) => `canary ${reference} v${vault.version}`,
  };
  const read = createReadTogether({
    async read(references: readonly Reference[]) {
      batches.push(references.map(String));
      await vault.gate;
      if (vault.down !== undefined) throw vault.down;
      return new Map(
        references.map((each) => [String(each), broken.get(String(each)) ?? new Secret(vault.value(String(each)))]),
      );
    },
  });

  const issuing = {
    requests: 0,
    life: 600 as number | undefined,
    gate: Promise.resolve() as Promise<unknown>,
    down: undefined as FlowError | undefined,
    attribution: undefined as Issuer['attribution'],
    /** in whose name each token was asked for */
    agents: [] as (string | undefined)[],
    /** agent runs whose tokens are to be taken back */
    endedRuns: [] as string[],
  };
  const issuer: Issuer = {
    name: 'main',
    url: 'https://issuer.example/',
    get attribution() {
      return issuing.attribution;
    },
    discover: async () => undefined,
    async clientCredentials({ agent }) {
      issuing.requests += 1;
      const mine = issuing.requests;
      await issuing.gate;
      if (issuing.down !== undefined) throw issuing.down;
      const expiresAt = issuing.life === undefined ? undefined : Math.floor(clock.now() / 1_000) + issuing.life;
      issuing.agents.push(agent);
      return {
        accessToken: new Secret(`canary-token-${mine}`),
        tokenType: 'Bearer',
        expiresAt,
        scope: 'orders:read',
        audience: ['https://orders.example'],
        jti: `jti-${mine}`,
      };
    },
    verify: () => Promise.reject(new TypeError('not used')),
    clockSkew: () => 0,
    requests: () => issuing.requests,
  };

  /** what the operator is told of services */
  const told: UpstreamFailure[] = [];
  const failures = createUpstreamFailures((failure) => void told.push(failure), clock);
  const cache = createTokenCache({ now: clock.now, random: () => 0.5, hashOf: tokenHash });
  const unused = () => Promise.reject(new TypeError('not used'));
  const prepared = createPreparedSteps();
  const revoked = new Set<(hash: string) => void>();
  const services = (agent: string, agentRun?: string): Services => ({
    environment,
    agent,
    agentRun,
    connection: () => issuer,
    plain: () => ({}),
    prepared,
    cached: cache.get,
    rejected: (token) => void cache.rejected(token.hash()),
    renewalFailed: (error) => failures.told({ what: [error.place.flow ?? ''] }, error),
    context: (flow, step) => ({
      flow,
      step,
      environment: environment.name,
      agent,
      vault: { address: 'https://vault.example', read: unused, requests: () => 0, close: unused },
      read,
      ownershipMarks: unused,
      derivedKeys: unused,
      locked: (_, work) => work(),
      clockSkew: async () => undefined,
      now: clock.now,
      sleep: unused,
      signal: new AbortController().signal,
      options: new Set<string>(),
      warn: () => undefined,
      progress: () => undefined,
      waiting: () => () => undefined,
      revoked: () => undefined,
      askForValue: () => Promise.reject(new Error('nobody is asked')),
      askPeople: () => Promise.reject(new Error('nobody is asked')),
    }),
  });
  const connections: Pick<Connections, 'read' | 'requests'> = {
    read,
    requests: () => ({ vault: batches.length, token: issuing.requests, store: 0 }),
  };
  const app: BrokerOptions['app'] = {
    folder,
    environment: () => environment,
    run: (flow, inputs, { agent = 'nobody', agentRun, ...options } = {}) =>
      runFlow(flow, inputs, services(agent, agentRun), options),
    connections: async () => connections as Connections,
    rejected: (hash, spacing) => cache.rejected(hash, spacing),
    async endAgentRuns(runs) {
      issuing.endedRuns.push(...runs);
    },
    onRevoked(listener) {
      revoked.add(listener);
      return () => void revoked.delete(listener);
    },
    plan: (flow, inputs) => planFlow(flow, inputs, services('codex')),
    bindingOf: (flow, inputs) => Promise.resolve(bindingFor(flow, inputs, services('codex'))),
    outputOf: (flow, inputs, { agent, kept }) => outputOfRun(flow, inputs, services(agent), kept),
  };

  const files = (): ReturnType<typeof loadBrokerFiles> => {
    const loaded = loadBrokerFiles(folder);
    if (loaded.problems.length > 0) throw new TypeError(JSON.stringify(loaded.problems));
    return loaded;
  };
  let current = files();
  const rewrite = (change: { readonly policy?: string; readonly registry?: string }): void => {
    for (const [name, text] of Object.entries(change)) writeFileSync(join(folder.dir, `${name}.yaml`), text);
    current = files();
  };

  const events: AuditEvent[] = [];
  const trail = {
    events,
    /** whether each waits for the disk, in their order */
    weights: [] as (string | undefined)[],
    broken: false,
    gate: undefined as Promise<unknown> | undefined,
    /** called with each event as it comes */
    heard: undefined as ((event: AuditEvent) => void) | undefined,
    last: () => events.at(-1),
  };
  const auditTrail: AuditTrail = {
    async record(event, weight) {
      trail.weights.push(weight);
      trail.heard?.(event);
      if (trail.broken) throw new FlowError('unavailable', 'disk full');
      if (trail.gate !== undefined) await trail.gate;
      events.push(event);
    },
    healthy: () => !trail.broken,
    close: async () => undefined,
  };
  const broker = createBroker({
    app,
    rules: { current: () => current },
    trail: auditTrail,
    clock,
    failures,
    agentRuns: options.agentRuns?.(clock),
    cache: { ...environment.cache, ...options.cache },
    approvals: options.approvals,
  });
  /** As `oauth/revoke` tells it. */
  const revoke = (token: string): void => {
    cache.rejected(sha256(token));
    for (const listener of revoked) listener(sha256(token));
  };
  return { app, broker, clock, vault, issuer: issuing, trail, told, rewrite, revoke, policy: () => current.policy };
}

/** What a promise is refused with. */
export async function refusalOf(promise: Promise<unknown>): Promise<BrokerRefusal> {
  const error = await promise.then(
    () => new TypeError('it was granted'),
    (thrown: unknown) => thrown,
  );
  if (error instanceof BrokerRefusal) return error;
  throw error;
}

/** Until the vault was asked: reads of one turn of the event loop are gathered, and go with the next. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 2; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

export const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
