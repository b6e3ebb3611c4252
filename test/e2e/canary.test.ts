import { createHash } from 'node:crypto';
import { openFolder } from '../../src/app/open-folder.ts';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DevBroker, startDevBroker } from '../../src/surfaces/cli/dev/laptop-broker.ts';
import type { Terminal } from '../../src/surfaces/cli/terminal.ts';
import { tour } from '../../src/surfaces/cli/dev/tour.ts';
import { BrokerError, createClient } from '../../src/client.ts';
import type { RunningStack } from '../../src/laptop/start-stack.ts';
import { takeEnvironment } from '../../src/foundation/environment-variables.ts';
import { formsOf, found } from './markers.ts';
import { command, createHome, type Ended, type Running, type Start } from './home.ts';

const home = createHome(true, 'onepassword-connect');
let stack: RunningStack;
/** the tour's */
let broker: DevBroker | undefined;
/** `flows serve` in a process of its own */
let serving: Running | undefined;

/** What was printed or seen, by where. */
const seen = new Map<string, string>();
/** what the processes showed of themselves while they ran */
let processes = '';
/** values that were answers: they may stand on the stdout of that command, and nowhere else */
const answers: string[] = [];

const wrong = (reference: string) =>
  `description: x\nsteps: [{ id: step, uses: vault/read, with: { reference: ${reference} } }]\n`;

beforeAll(async () => {
  stack = await home.stack();
  const token = readFileSync(join(home.work, 'flows/orders-token.yaml'), 'utf8');
  home.write('flows/wrong-secret.yaml', token.replace('Orders M2M/credential', 'OpenAI/credential'));
  home.write('flows/wrong-audience.yaml', token.replace('https://orders.example', 'https://other.example'));
  home.write('flows/no-code.yaml', wrong('op://Agents/OpenAI/credential?attribute=otp'));
  home.write('flows/no-field.yaml', wrong('op://Agents/OpenAI/other'));
  broker = await startDevBroker({
    folder: await openFolder(join(home.work, 'flows'), {}),
    taken: takeEnvironment({}),
    terminal: terminalTo('the tour’s broker'),
    usualPort: false,
  });
  answers.push(readFileSync(broker?.tokenFile ?? '', 'utf8'));
});
afterAll(async () => {
  await broker?.close();
  await home.close();
});

/** @param answer whether its stdout is a value */
async function run(line: string, answer = false, options: Start = {}): Promise<Ended> {
  const running = home.start(line.split(' '), options);
  const look = setInterval(() => lookAt(running), 100);
  const ended = await running.ended;
  clearInterval(look);
  if (answer) answers.push(ended.stdout);
  else seen.set(`stdout of ${line}`, ended.stdout);
  seen.set(`stderr of ${line}`, ended.stderr);
  return ended;
}

function lookAt({ child: { pid } }: Running): void {
  for (const file of ['cmdline', 'environ']) {
    try {
      processes += readFileSync(`/proc/${pid}/${file}`, 'utf8');
    } catch {
      // it has ended, or there is no /proc here
    }
  }
}

/** Every value that the vault holds or that was made of one, longer than what turns up by chance. */
function values(): { readonly vault: string[]; readonly tokens: string[] } {
  const fields = stack.vault.dump().flatMap((item) => item.fields);
  const secrets = fields.filter(({ kind, label }) => kind !== 'text' && label !== 'username').map(({ value }) => value);
  const seeds = secrets.flatMap((value) =>
    value.startsWith('otpauth:') ? (new URL(value).searchParams.get('secret') ?? []) : [],
  );
  const { vault, scim, secretsManager } = stack.addresses;
  const tokens = [vault.token, vault.connectToken, scim.token, secretsManager.secretAccessKey].map((each) =>
    each.reveal(),
  );
  const minted = answers.flatMap((text) => text.match(/ey[\w-]+\.[\w-]+\.[\w-]+/g) ?? []);
  const agents = answers.flatMap((text) => text.match(/flows_[0-9A-Za-z]{38}/g) ?? []);
  const long = (all: readonly string[]) => [...new Set(all)].filter(({ length }) => length > 8);
  return {
    vault: long([...secrets, ...seeds]),
    tokens: long([...tokens, ...agents, ...minted, ...minted.flatMap((jwt) => jwt.split('.')[2] ?? [])]),
  };
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    const found = statSync(path);
    if (found.isDirectory()) return filesBelow(path);
    // a socket holds nothing
    return found.isFile() ? [path] : [];
  });
}

/** The tour, in this process, with what it prints. */
function toured(): Promise<number> {
  return tour({
    stack,
    broker,
    dir: join(home.work, 'flows'),
    taken: takeEnvironment({}),
    signal: new AbortController().signal,
    command: [process.execPath, '--no-warnings', command],
    terminal: terminalTo('the tour'),
  });
}
/** A terminal that nobody sits at: what is written to it is looked through later. */
function terminalTo(name: string): Terminal {
  const write = (stream: string, text: string) => {
    const where = `${stream} of ${name}`;
    seen.set(where, `${seen.get(where) ?? ''}${text}`);
  };
  return {
    out: (text) => write('stdout', text),
    note: (text) => write('stderr', `${text}\n`),
    tell: (what, text) => write('stderr', `${what}: ${text}\n`),
    noted: () => 0,
    err: (text) => write('stderr', text),
    stream: () => {
      throw new Error('nothing is copied there');
    },
    waits(why) {
      write('stderr', why);
      return () => undefined;
    },
    ask: () => Promise.resolve(undefined),
    askHidden: async () => undefined,
    keys: () => () => undefined,
    interactive: false,
    outIsTerminal: false,
    errIsTerminal: false,
    width: 80,
    paint: (_, text) => text,
    paintErr: (_, text) => text,
  };
}

/** Commands that tell what the vault said, each with its exit code. */
const asksTheVault = [
  ['check --online', 67],
  ['wrong-secret --debug', 77],
  ['no-code --debug', 67],
  ['no-field --debug', 66],
  ['read op://Agents/OpenAI/other', 66],
] as const;

test('a value is found in whatever form it is written', () => {
  const value = 'pass"wörd/with +everything?';
  for (const text of [
    `a${value}b`,
    JSON.stringify({ value }),
    `https://x/?q=${encodeURIComponent(value)}&r=1`,
    new URLSearchParams({ q: value, r: '1' }).toString(),
    Buffer.from(`x${value}y`).toString('base64'),
    Buffer.from(`xx${value}yy`).toString('base64url'),
    Buffer.from(`xxx${value}`).toString('base64'),
    Buffer.from(`x${value}`).toString('hex'),
  ]) {
    expect([text, found([value], text)]).toEqual([text, [value]]);
  }
  expect(found([value], 'pass and word')).toEqual([]);
  expect(formsOf('plain-value-of-some-length').size).toBeGreaterThan(5);
});

describe('a value is where it belongs, and nowhere else', () => {
  test('the tour and everything around it', async () => {
    // alone: it proves what comes from memory by what the stack is asked meanwhile
    expect(await toured()).toBe(0);
    expect((await run('orders-token', true)).code).toBe(0);
    expect((await run('orders-token --json', true)).code).toBe(0);
    expect((await run('read op://Agents/OpenAI/credential', true)).code).toBe(0);
    expect((await run('break-glass --json', true)).code).toBe(0);
    expect((await run('scim-token', true)).code).toBe(0);
    expect((await run('drill break-glass-drill --json')).code).toBe(0);
    for (const [line, code] of [
      ['--json', 0],
      ['check', 0],
      ['check --json', 0],
      ['check --setup', 0],
      ['new-user --email ada@example.com --plan --json', 0],
      ['seed-runtime', 2],
      ['create-order --plan', 0],
      ['create-order --yes --json', 0],
      ['create-order --quantity 0 --yes --debug', 67],
      ['wrong-audience --debug', 77],
      ['check --online --json', 67],
      ...asksTheVault,
    ] as const) {
      expect([line, (await run(line)).code]).toEqual([line, code]);
    }
    // what the SDK finds and refuses, and the token that it signs in with
    home.askBy('onepassword');
    for (const [line, code] of asksTheVault) {
      const { code: found } = await run(`${line} --dir flows`);
      expect([line, found]).toEqual([line, code]);
    }
    expect((await run('orders-token --dir flows', true)).code).toBe(0);
    expect((await run('read op://Agents/OpenAI/credential --dir flows', true)).code).toBe(0);
    home.askBy('onepassword-connect');
    // an issuer that says back what it was sent
    const sent = stack.vault.dump().find(({ title }) => title === 'Orders M2M')?.fields ?? [];
    const description = `wrong: ${sent.map(({ value }) => value).join(' ')}`;
    stack.identityProvider.faults.nextToken({
      status: 400,
      body: { error: 'invalid_request', error_description: description },
    });
    expect((await run('orders-token --debug')).code).not.toBe(0);
    expect((await run('seed-runtime --yes --json')).code).toBe(0);
    expect((await run('new-user --email linus@example.com --yes')).code).toBe(0);
  });

  test('the broker, and those who ask it', async () => {
    // one broker at a time writes the trail of a stack
    await broker?.close();
    const [bearer = ''] = (await run('agents add codex', true)).stdout.split('\n');
    expect(bearer).toMatch(/^flows_[0-9A-Za-z]{38}$/);
    const file = join(home.path, 'agent.token');
    writeFileSync(file, bearer, { mode: 0o600 });
    // its log tells of the SDK too
    home.askBy('onepassword');
    serving = home.start(['serve', '--port', '0', '--log-level', 'trace']);
    const [, url = ''] = /listening on (http:\S+)/.exec(await serving.shows(/listening on http:\S+\n/)) ?? [];
    lookAt(serving);

    const env = { FLOWS_BROKER: url, FLOWS_AGENT_TOKEN_FILE: file };
    for (const line of ['orders-token', 'orders-token --json', 'read openai.api_key'])
      expect([line, (await run(line, true, { env })).code]).toEqual([line, 0]);
    for (const line of ['read stripe.live_key --debug', 'wrong-secret --debug', 'read op://Agents/OpenAI/credential'])
      expect([line, (await run(line, false, { env })).code]).not.toEqual([line, 0]);

    const client = createClient({ broker: url, token: bearer, agentRunId: 'canary', reason: 'a look around' });
    const secrets = await client.secrets(['openai.api_key', 'github.token']);
    const token = await client.token('orders-token');
    answers.push(JSON.stringify(secrets), token.accessToken);
    for (const work of [
      () => client.secrets(['openai.api_key', 'stripe.live_key']),
      () => client.token('scim-token'),
      () => client.run('nothing-here'),
      () => createClient({ broker: url, token: bearer.replace(/.$/, '-') }).token('orders-token'),
    ]) {
      const error = await work().catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(BrokerError);
      seen.set(`an error of the client, ${seen.size}`, error instanceof Error ? `${error.stack}` : '');
    }
    await client.rejected('orders-token', 'f'.repeat(64));
    // an issuer that says back what it was sent, to a broker that tells its operator why
    await client.rejected('orders-token', createHash('sha256').update(token.accessToken).digest('hex'));
    const secret = stack.vault.dump().find(({ title }) => title === 'Orders M2M')?.fields ?? [];
    const said = secret.flatMap(({ value }) => [value, value.split('').toReversed().join('')]);
    stack.identityProvider.faults.nextToken({
      status: 400,
      body: { error: 'invalid_request', error_description: `wrong: ${said.join(' ')}` },
    });
    const refused: unknown = await client.token('orders-token').catch((thrown: unknown) => thrown);
    expect(refused).toMatchObject({ code: 'upstream-refused' });
    const request = refused instanceof BrokerError ? refused.requestId : '';
    client.close();

    // what is sent in the place of anything but a name is said back by nothing, and written nowhere
    const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' };
    const sent = Object.values(secrets).map(({ value }) => value);
    for (const [path, init] of [
      ['/metrics', {}],
      ['/openapi.json', {}],
      ['/readyz', {}],
      ['/v1/flows', { headers }],
      ['/v1/tokens/orders-token', { method: 'POST', headers: { ...headers, 'x-agent-id': sent[0] ?? '' } }],
      ['/v1/flows', { headers: { authorization: `Bearer ${sent[0]}` } }],
      ['/v1/secrets/resolve', { method: 'POST', headers, body: `{"secrets": [${sent[0]}` }],
      ['/v1/flows/orders-token', { method: 'POST', headers, body: JSON.stringify({ inputs: { wrong: sent[0] } }) }],
    ] as const) {
      const response = await fetch(`${url}${path}`, init);
      seen.set(
        `the answer of ${path} ${seen.size}`,
        `${JSON.stringify([...response.headers])}${await response.text()}`,
      );
    }
    lookAt(serving);
    serving.child.kill('SIGTERM');
    const { code, stdout, stderr } = await serving.ended;
    expect(code).toBe(0);
    seen.set('stdout of serve', stdout);
    seen.set('stderr of serve', stderr);
    home.askBy('onepassword-connect');
    expect(stderr).toContain('the issuer refused the token request: 400 invalid_request');
    expect((await run(`policy explain --request ${request}`)).stdout).toContain('the issuer refused the token request');
    for (const line of ['audit', 'audit --json', 'audit verify', 'agents list --json', 'policy explain --agent codex'])
      await run(line);
  });

  test('the answers hold values, or nothing else here means anything', () => {
    const { vault, tokens } = values();
    expect(vault.length).toBeGreaterThan(8);
    expect(tokens.length).toBeGreaterThan(5);
    expect(found([...vault, ...tokens], answers.join('\n')).length).toBeGreaterThanOrEqual(4);
    expect(seen.size).toBeGreaterThan(20);
  });

  test('not in what was printed', () => {
    const { vault, tokens } = values();
    for (const [where, text] of seen) expect([where, found([...vault, ...tokens], text)]).toEqual([where, []]);
  });

  test('not in a file', () => {
    const { vault, tokens } = values();
    const files = filesBelow(home.path);
    const state = files.filter((file) => file.startsWith(home.env['XDG_STATE_HOME'] ?? '?'));
    expect(state.length).toBeGreaterThan(1);
    expect(state.some((file) => /\/audit\/laptop\/broker-[^/]+\.jsonl$/.test(file))).toBe(true);
    for (const file of files) {
      const text = readFileSync(file, 'latin1');
      // the one file that tells other terminals of this user what opens the stack
      const isDiscovery = /\/development-[0-9a-f]+\.json$/.test(file);
      // and an agent's own
      const isAgents = /\/(?:agent|broker-[0-9a-f]+)\.token$/.test(file);
      expect([file, found(isDiscovery || isAgents ? vault : [...vault, ...tokens], text)]).toEqual([file, []]);
    }
  });

  test.runIf(process.platform === 'linux')('not in a process’s arguments or environment', () => {
    const { vault, tokens } = values();
    expect(processes).toContain(command);
    expect(found([...vault, ...tokens], processes)).toEqual([]);
  });
});
