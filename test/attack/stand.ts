import { readdirSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bearerHash, createBearer } from '../../src/broker/authentication/bearer-token.ts';
import type { RunningStack } from '../../src/laptop/start-stack.ts';
import { command, createHome, type Home, type Running } from '../e2e/home.ts';

/** The shipped registry, and what else there is to be after. */
const registry = `secrets:
  openai.api_key: { reference: op://Agents/OpenAI/credential }
  github.token: { reference: op://Agents/GitHub/token }
  github.admin_token: { reference: op://Agents/GitHub/admin token }
  stripe.live_key: { reference: op://Agents/Stripe/live key }
  stripe.metered: { reference: op://Agents/Stripe/metered, rate: 1/hour }
  ${'a'.repeat(60)}b: { reference: op://Agents/Winding/credential }
`;
/** So many wildcards that a matcher which tries one way after the other would not come back. */
const winding = `${'*a'.repeat(60)}b`;

const policy = (issuer: string, ownersFlows: string, proof: (name: AgentName) => string) => `default: deny
agents:
  owner:
    tokens: [${proof('owner')}]
    allow: ['**']
    flows: [${ownersFlows}]
  codex:
    tokens: [${proof('codex')}]
    allow: [openai.api_key, github.*]
    flows: [orders-token]
    deny: [github.admin_token]
  winding:
    tokens: [${proof('winding')}]
    allow: ['${winding}']
  slow:
    tokens: [${proof('slow')}]
    allow: [openai.api_key]
    rate: 2/hour
  leaving:
    tokens: [${proof('leaving')}]
    flows: [orders-token]
  ci:
    trust: { issuer: '${issuer}', audience: flows, claims: { sub: 'ci-*' } }
    allow: ['**']
`;

const names = ['owner', 'codex', 'winding', 'slow', 'leaving'] as const;
type AgentName = (typeof names)[number];

/** What an attacker has: the address, a few tokens of agents, and a look at what the operator sees afterwards. */
export interface Target {
  readonly home: Home;
  readonly stack: RunningStack;
  readonly served: Running;
  readonly port: number;
  readonly tokens: Readonly<Record<AgentName, string>>;
  /** every value that somebody could be given */
  readonly values: () => Promise<Readonly<Record<string, string>>>;
  readonly trail: () => string;
  close(): Promise<void>;
}

/** `flows serve` as a user starts it, on a laptop stack of its own. */
export async function startTarget(
  program?: (command: readonly string[]) => readonly string[],
  ownersFlows = "'**'",
): Promise<Target> {
  const home = createHome(true, 'onepassword-connect');
  home.write('flows/registry.yaml', registry);
  home.write('flows/policy.yaml', 'agents: {}\n');
  home.write('flows/policy.test.yaml', 'cases: []\n');
  const stack = await home.stack();
  const tokens = Object.fromEntries(names.map((name) => [name, createBearer().reveal()])) as Record<AgentName, string>;
  const proof = (name: AgentName) => `'sha256:${bearerHash(tokens[name])}'`;
  home.write('flows/policy.yaml', policy(stack.identityProvider.issuer, ownersFlows, proof));
  const words = [process.execPath, '--no-warnings', command, 'serve', '--port', '0'];
  const served = home.start([], { program: program?.(words) ?? words });
  const shown = await served.shows(/listening on http:\/\/\S+/);
  const port = Number(/listening on http:\/\/[^:]+:(\d+)/.exec(shown)?.[1]);
  const folder = join(home.env['XDG_STATE_HOME'] ?? '', 'auth-chain/audit/laptop');
  return {
    home,
    stack,
    served,
    port,
    tokens,
    async values() {
      const secrets = [...registry.matchAll(/^ {2}(\S+):/gm)].map(([, name = '']) => name);
      const { body } = await ask(port, '/v1/secrets/resolve', { token: tokens.owner, body: { secrets } });
      const { resolved } = JSON.parse(body) as { resolved: Record<string, { value: string }> };
      return Object.fromEntries(Object.entries(resolved).map(([name, { value }]) => [name, value]));
    },
    trail: () => {
      const file = readdirSync(folder).find((name) => /^broker-.*\.jsonl$/.test(name)) ?? '';
      return readFileSync(join(folder, file), 'utf8');
    },
    async close() {
      served.child.kill('SIGTERM');
      await Promise.race([served.ended, sleep(15_000)]);
      await home.close();
    },
  };
}

export interface Asked {
  readonly token?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  /** text or bytes as they are, anything else as JSON */
  readonly body?: unknown;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** One request, its path as it is written. */
export function ask(
  port: number,
  path: string,
  { token, method = 'POST', headers, body }: Asked = {},
): Promise<Answer> {
  const bytes =
    body === undefined || typeof body === 'string' || body instanceof Buffer ? (body ?? '') : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port,
        path,
        method,
        agent: false,
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          'content-length': String(Buffer.byteLength(bytes)),
          ...headers,
        },
      },
      (response) => {
        let text = '';
        response.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
        response
          .on('error', reject)
          .on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
      },
    );
    sent.on('error', reject).end(bytes);
  });
}
