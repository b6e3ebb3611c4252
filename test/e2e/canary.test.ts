import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tour } from '../../src/cli/tour.ts';
import type { RunningStack } from '../../src/dev/stack.ts';
import { takeEnvironment } from '../../src/environment.ts';
import { formsOf, found } from './markers.ts';
import { createHome, type Ended } from './home.ts';

const home = createHome();
let stack: RunningStack;

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
});
afterAll(() => home.close());

/** @param answer whether its stdout is a value */
async function run(line: string, answer = false): Promise<Ended> {
  const running = home.start(line.split(' '));
  const { pid } = running.child;
  const look = setInterval(() => {
    for (const file of ['cmdline', 'environ']) {
      try {
        processes += readFileSync(`/proc/${pid}/${file}`, 'utf8');
      } catch {
        // it has ended, or there is no /proc here
      }
    }
  }, 100);
  const ended = await running.ended;
  clearInterval(look);
  if (answer) answers.push(ended.stdout);
  else seen.set(`stdout of ${line}`, ended.stdout);
  seen.set(`stderr of ${line}`, ended.stderr);
  return ended;
}

/** Every value that the vault holds or that was made of one, longer than what turns up by chance. */
function values(): { readonly vault: string[]; readonly tokens: string[] } {
  const fields = stack.vault.dump().flatMap((item) => item.fields);
  const secrets = fields.filter(({ kind, label }) => kind !== 'text' && label !== 'username').map(({ value }) => value);
  const seeds = secrets.flatMap((value) =>
    value.startsWith('otpauth:') ? (new URL(value).searchParams.get('secret') ?? []) : [],
  );
  const { vault, scim, secretsManager } = stack.addresses;
  const tokens = [vault.token.reveal(), scim.token.reveal(), secretsManager.secretAccessKey.reveal()];
  const minted = answers.flatMap((text) => text.match(/ey[\w-]+\.[\w-]+\.[\w-]+/g) ?? []);
  const long = (all: readonly string[]) => [...new Set(all)].filter(({ length }) => length > 8);
  return {
    vault: long([...secrets, ...seeds]),
    tokens: long([...tokens, ...minted, ...minted.flatMap((jwt) => jwt.split('.')[2] ?? [])]),
  };
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesBelow(path) : [path];
  });
}

/** The tour, in this process, with what it prints. */
async function toured(): Promise<number> {
  let [out, err] = ['', ''];
  const failed = await tour({
    stack,
    dir: join(home.work, 'flows'),
    taken: takeEnvironment({}),
    signal: new AbortController().signal,
    terminal: {
      out: (text) => void (out += text),
      note: (text) => void (err += `${text}\n`),
      tell: (what, text) => void (err += `${what}: ${text}\n`),
      noted: () => 0,
      err: (text) => void (err += text),
      ask: () => Promise.resolve(undefined),
      keys: () => () => undefined,
      interactive: false,
      outIsTerminal: false,
      errIsTerminal: false,
      width: 80,
      paint: (_, text) => text,
      paintErr: (_, text) => text,
    },
  });
  seen.set('stdout of the tour', out);
  seen.set('stderr of the tour', err);
  return failed;
}

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
  test('the tour and everything around it', { timeout: 180_000 }, async () => {
    const touring = toured();
    expect((await run('orders-token', true)).code).toBe(0);
    expect((await run('orders-token --json', true)).code).toBe(0);
    expect((await run('read op://Agents/OpenAI/credential', true)).code).toBe(0);
    expect((await run('break-glass --json', true)).code).toBe(0);
    expect((await run('scim-token', true)).code).toBe(0);
    for (const [line, code] of [
      ['--json', 0],
      ['check', 0],
      ['check --json', 0],
      ['check --setup', 0],
      ['check --online', 67],
      ['check --online --json', 67],
      ['new-user --email ada@example.com --plan --json', 0],
      ['seed-runtime', 2],
      ['wrong-secret --debug', 77],
      ['wrong-audience --debug', 77],
      ['no-code --debug', 67],
      ['no-field --debug', 66],
      ['read op://Agents/OpenAI/other', 66],
    ] as const) {
      expect([line, (await run(line)).code]).toEqual([line, code]);
    }
    expect(await touring).toBe(0);
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
    for (const file of files) {
      const text = readFileSync(file, 'latin1');
      // the one file that tells other terminals of this user what opens the stack
      const isDiscovery = /\/development-[0-9a-f]+\.json$/.test(file);
      expect([file, found(isDiscovery ? vault : [...vault, ...tokens], text)]).toEqual([file, []]);
    }
  });

  test.runIf(process.platform === 'linux')('not in a process’s arguments or environment', () => {
    const { vault, tokens } = values();
    expect(processes).toContain('src/cli.ts');
    expect(found([...vault, ...tokens], processes)).toEqual([]);
  });
});
