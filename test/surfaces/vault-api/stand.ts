import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { openApp } from '../../../src/app/open-app.ts';
import { bearerHash, createBearer } from '../../../src/broker/authentication/bearer-token.ts';
import { takeEnvironment } from '../../../src/foundation/environment-variables.ts';
import { createSoftwareApprover } from '../../../src/surfaces/cli/dev/laptop-approver.ts';
import { createLogger } from '../../../src/surfaces/server/log.ts';
import { type Service, serve } from '../../../src/surfaces/server/start.ts';
import { startHostileIssuer } from '../../adapters/issuers/openid/hostile.ts';
import { ref } from '../../contracts/vault.ts';
import { createHome } from '../../e2e/home.ts';

const registry = `secrets:
  openai.api_key: { reference: op://Agents/OpenAI/credential, ttl: 15m }
  github.token: { reference: op://Agents/GitHub/token, path: secret/rewind/github }
  github.admin_token: { reference: op://Agents/GitHub/admin token, path: secret/admin/github }
  team.user: { reference: op://Agents/Team/username, path: secret/team/app#user }
  team.password: { reference: op://Agents/Team/password, path: secret/team/app#password }
  items.deploy: { reference: op://Engineering/Deploy key/password }
  items.user: { reference: op://Engineering/Deploy key/username }
  items.host: { reference: op://Engineering/Deploy key/Replica/password }
  items.odd: { reference: 'op://Engineering/a%2Fb? 100%252F ключ/tok%2Fen' }
  items.root: { reference: op://Engineering/Root key/canary }
  items.finance: { reference: op://Finance/Payroll/canary }
  team.old: { reference: op://Agents/Team/old, path: 'kv/ключ, with %2F' }
  gated.key: { reference: op://Agents/Gated/key }
`;
const policyOf = ({ engineer, other }: Readonly<Record<'engineer' | 'other', string>>, issuer: string) => `default: deny
approvers: { ann: {} }
agents:
  codex:
    deny: [github.admin_token, items.*]
    allow: ['**']
    flows: [code, plain]
    approve: [{ names: [gated.key], by: [ann] }]
  engineer:
    tokens: [{ sha256: ${engineer} }]
    vault-paths:
      - { path: op/vaults/engineering/*, can: [list, read] }
      - { path: op/vaults/Engineering/items/Root key, can: [deny] }
      - { path: 'op/vaults/Engineering/items/made here', can: [create, update, delete] }
      - { path: op/vaults/Engineering/items/Deploy key, can: [update] }
      - { path: 'op/vaults/Engineering/items/x%2Fy 50%25', can: [create, delete] }
  other:
    tokens: [{ sha256: ${other} }]
    allow: [team.user]
    rate: 1000/second
  ci:
    trust: [{ issuer: '${issuer}', audience: flows, claims: { repository: acme/orders } }]
    allow: [openai.api_key, gated.key]
    approve: [{ names: [gated.key], by: [ann], scope: run }]
`;
const flows = {
  'code.yaml': `description: A one-time code
steps: [{ id: code, uses: totp/code, with: { reference: op://Accounts/Break Glass/one-time password } }]
output: \${{ steps.code }}
`,
  'deploy-code.yaml': `description: A one-time code of an item
steps: [{ id: code, uses: totp/code, with: { reference: op://Engineering/Deploy key/one-time password } }]
output: \${{ steps.code }}
`,
  'plain.yaml': `description: A secret
steps: [{ id: read, uses: vault/read, with: { reference: op://Agents/OpenAI/credential } }]
output: \${{ steps.read }}
`,
};

export interface VaultStand {
  readonly url: string;
  readonly port: number;
  /** of an agent that may, and of one that may next to nothing */
  readonly codex: string;
  readonly other: string;
  /** of an agent that has items of the vault Engineering, by `vault-paths` */
  readonly engineer: string;
  /** a workload identity of the agent `ci` */
  identity(claims?: Readonly<Record<string, unknown>>): Promise<string>;
  approve(id: string): Promise<void>;
  /** what stands in the development vault */
  valueOf(reference: string): Promise<string>;
  trail(): readonly Record<string, unknown>[];
  /** all that was logged */
  readonly logged: () => string;
  close(): Promise<void>;
}

/** A broker over the laptop that answers Vault's clients. @param settings of `vault-api:` */
export async function openVaultStand(settings = '{}'): Promise<VaultStand> {
  const home = createHome();
  const issuer = await startHostileIssuer();
  const [codex, other, engineer] = [createBearer(), createBearer().reveal(), createBearer().reveal()];
  home.write(
    'flows/service.yaml',
    readFileSync(join(home.work, 'flows/service.yaml'), 'utf8')
      .replace('vaults: [Agents]', 'vaults: [Agents, Engineering, Finance]')
      .replace(/^    vars: .*dev \}$/m, (line) => `${line}\n    server: { vault-api: ${settings} }`),
  );
  home.write('flows/registry.yaml', registry);
  home.write(
    'flows/policy.yaml',
    policyOf({ engineer: bearerHash(engineer) ?? '', other: bearerHash(other) ?? '' }, issuer.issuer),
  );
  for (const [name, text] of Object.entries(flows)) home.write(`flows/${name}`, text);
  await home.stack();
  const app = await openApp({ dir: join(home.work, 'flows'), environment: 'development', taken: takeEnvironment({}) });
  const log = join(home.path, 'log');
  const key = createSoftwareApprover('ann');
  const service: Service = await serve({
    app,
    listen: { port: 0 },
    log: createLogger('info', log),
    anchor: () => undefined,
    guest: { agent: 'codex', token: codex, approver: key },
    onProblems([problem]) {
      throw new TypeError(problem?.message);
    },
    warn: () => undefined,
    variables: home.env,
  });
  const url = service.url ?? '';
  return {
    url,
    port: Number(new URL(url).port),
    codex: codex.reveal(),
    other,
    engineer,
    identity: (claims = {}) => issuer.sign({ aud: 'flows', repository: 'acme/orders', ...claims }, { typ: 'JWT' }),
    approve: async (id) => key.at(service.page ?? '').approve(id),
    async valueOf(name) {
      const { read } = await app.connections();
      return (await read(ref(name))).reveal();
    },
    trail: () =>
      readFileSync(service.trail, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    logged: () => readFileSync(log, 'utf8'),
    async close() {
      await service.close();
      await app.close();
      await home.close();
      await issuer.close();
    },
  };
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** parsed; undefined where there is none */
  readonly body: unknown;
  readonly text: string;
}

/**
 * Sends bytes as they are, the next ones once there is an answer, and reads each answer by its own length.
 * @param requests one in parts goes in several packets
 */
export async function raw(
  port: number,
  requests: readonly (string | readonly string[])[],
): Promise<readonly RawAnswer[]> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const send = async (request: string | readonly string[] = []) => {
    for (const part of [request].flat()) {
      socket.write(part);
      // the other side has read it by itself
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const answers: RawAnswer[] = [];
  let read = Buffer.alloc(0);
  const done = Promise.withResolvers<void>();
  socket.on('data', (chunk: Buffer) => {
    read = Buffer.concat([read, chunk]);
    for (;;) {
      const found = firstIn(read);
      if (found === undefined) break;
      answers.push(found.answer);
      read = read.subarray(found.length);
      if (answers.length === requests.length) done.resolve();
      else void send(requests[answers.length]);
    }
  });
  socket.on('close', () => done.resolve()).on('error', () => done.resolve());
  void send(requests[0]);
  await done.promise;
  socket.destroy();
  return answers;
}

function firstIn(bytes: Buffer): { readonly answer: RawAnswer; readonly length: number } | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const [status = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
  );
  const length = end + 4 + Number(headers['content-length'] ?? 0);
  if (bytes.length < length) return undefined;
  const text = bytes.toString('utf8', end + 4, length);
  const body: unknown = text === '' ? undefined : JSON.parse(text);
  return { answer: { status: Number(status.split(' ')[1]), headers, body, text }, length };
}
