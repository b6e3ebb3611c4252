import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type DevelopmentVault, startVault } from '../../src/laptop/vault/server.ts';
import { takeEnvironment } from '../../src/foundation/environment-variables.ts';
import { Secret } from '../../src/foundation/secret.ts';
import type { TokenSource } from '../../src/language/forms.ts';
import { readToken } from '../../src/adapters/read-token.ts';
import { createOnePasswordVault } from '../../src/adapters/vaults/onepassword/vault.ts';
import { createGovernedVaults } from '../../src/app/governed-vaults.ts';
import { identifiedToken } from '../../src/adapters/vaults/onepassword/token-identity.ts';
import type { QuotaEvent, QuotaSettings } from '../../src/adapters/vaults/quota.ts';
import { codeOf, ref, told } from '../contracts/vault.ts';

const password = 'op://Agents/One/password';
const folder = mkdtempSync(join(tmpdir(), 'governed-'));
let server: DevelopmentVault;
let stateFolder = '';
let world = 0;
beforeAll(async () => {
  const fields = [{ label: 'password', type: 'concealed' as const, value: 'one' }];
  server = await startVault({ vaults: [{ name: 'Agents', items: [{ title: 'One', fields }] }] });
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  stateFolder = mkdtempSync(join(folder, 'state-'));
  world = 1_800_000_000_000;
  server.setLimits({});
});

function open(token: TokenSource, quota: Partial<QuotaSettings> = {}) {
  const events: QuotaEvent[] = [];
  const vault = createOnePasswordVault({
    token: () => readToken(token, takeEnvironment({})),
    development: true,
    quota: { hour: 1_000, hourWrites: 100, day: 1_000, reserve: 0.1, ...quota },
  });
  const governed = createGovernedVaults({
    entries: [{ vault }],
    stateFolder,
    now: () => world,
    warn: (line) => {
      throw new Error(line);
    },
    onQuota: (event) => events.push(event),
  });
  const read = async (through = governed.vault, text = password) => told((await through.read([ref(text)])).get(text));
  return { governed, events, read };
}

function tokenFile(token: Secret): { readonly file: string } {
  const file = join(stateFolder, 'token');
  writeFileSync(file, token.reveal());
  return { file };
}

describe('vaults of an environment', () => {
  it('count what the service counts, and keep no token', async () => {
    const token = server.token();
    const { governed, read } = open(tokenFile(token));
    expect(governed.quotas()).toEqual([]);
    const before = server.requests();
    for (let index = 0; index < 3; index += 1) expect(await read()).toBe('one');
    const missing = await governed.vault.read([ref('op://Agents/None/password')]);
    expect([...missing.values()].map(told)).toEqual(['not-found']);
    expect(governed.quotas()).toMatchObject([
      { entry: 1, used: { hour: server.requests() - before, hourWrites: 0 }, circuit: 'closed' },
    ]);
    await governed.vault.close();
    rmSync(join(stateFolder, 'token'));
    const kept = readdirSync(stateFolder).map((name) => readFileSync(join(stateFolder, name), 'latin1'));
    expect(kept.length).toBeGreaterThan(0);
    const { email, secretKey } = JSON.parse(Buffer.from(token.reveal().slice(4), 'base64url').toString()) as Record<
      string,
      string
    >;
    for (const text of kept) {
      for (const part of [token.reveal().slice(0, 40), email, secretKey]) expect(text).not.toContain(part);
    }
  });

  it('leave a service alone whose quota is used up, also from the next process', async () => {
    const source = tokenFile(server.token());
    const first = open(source);
    expect(await first.read()).toBe('one');
    server.setLimits({ readsPerHour: 0 });
    expect(await codeOf(first.read())).toBe('rate-limited');
    const before = server.requests();
    expect(await codeOf(first.read())).toBe('rate-limited');
    const second = open(source);
    expect(await codeOf(second.read())).toBe('rate-limited');
    expect(server.requests()).toBe(before);
    expect(first.events.map(({ state }) => state)).toEqual(['open']);
    server.setLimits({});
    world += 800_000;
    expect(await second.read()).toBe('one');
    expect(second.events.map(({ state }) => state)).toEqual(['open', 'closed']);
    await Promise.all([first.governed.vault.close(), second.governed.vault.close()]);
  });

  it('keep the reserve for break-glass flows', async () => {
    const { governed, read } = open(tokenFile(server.token()), { hour: 20, reserve: 0.5 });
    let given = 0;
    while ((await codeOf(read())) === 'no error') given += 1;
    expect(given).toBeGreaterThan(0);
    expect(await codeOf(read())).toBe('rate-limited');
    expect(await read(governed.urgent)).toBe('one');
    await governed.vault.close();
  });

  it('ask a command for the token once', async () => {
    const source = tokenFile(server.token());
    const asked = join(stateFolder, 'asked');
    const script = `const fs = require('node:fs'); fs.appendFileSync(${JSON.stringify(asked)}, 'x'); process.stdout.write(fs.readFileSync(${JSON.stringify(source.file)}))`;
    const { governed, read } = open({ command: [process.execPath, '-e', script] });
    expect(await Promise.all([read(), read(), read(governed.urgent)])).toEqual(['one', 'one', 'one']);
    expect(readFileSync(asked, 'utf8')).toBe('x');
    await governed.vault.close();
  });

  it('tell that a token is missing, or none, as it is', async () => {
    expect(await codeOf(open({ file: join(stateFolder, 'absent') }).read())).toBe('denied');
    expect(await codeOf(open(tokenFile(new Secret('ops_nonsense'))).read())).toBe('invalid-value');
    expect(await codeOf(open(tokenFile(new Secret('nonsense'))).read())).toBe('invalid-value');
  });

  it('stop asking with a token that was revoked', async () => {
    const token = server.token();
    const { governed, read } = open(tokenFile(token));
    server.revoke(token);
    for (let index = 0; index < 5; index += 1) expect(await codeOf(read())).toBe('denied');
    const before = server.requests();
    for (let index = 0; index < 20; index += 1) expect(await codeOf(read())).toBe('denied');
    expect(server.requests()).toBe(before);
    await governed.vault.close();
  });
});

describe('processes that share a ledger', () => {
  it('count every request, also where they are killed', async () => {
    const module = (name: string) =>
      JSON.stringify(new URL(`../../src/adapters/vaults/governor/${name}.ts`, import.meta.url).href);
    const script = `
      const { openLedger } = await import(${module('ledger')});
      const ledger = await openLedger(process.argv[1], { now: 300_000_000, warn: (line) => { throw new Error(line); } });
      for (let index = 0; index < 500; index += 1) ledger.transaction(() => ledger.add('one', 'read', 300_000_000, 1));
      process.kill(process.pid, 'SIGKILL');`;
    const file = join(stateFolder, 'shared.sqlite');
    const run = promisify(execFile);
    const argv = ['--no-warnings', '--input-type=module', '-e', script, file];
    const ends = await Promise.allSettled(Array.from({ length: 4 }, () => run(process.execPath, argv)));
    expect(
      ends.map((end) => (end.status === 'rejected' ? (end.reason as { signal?: string }).signal : 'none')),
    ).toEqual(Array.from({ length: 4 }, () => 'SIGKILL'));
    const { openLedger } = await import('../../src/adapters/vaults/governor/ledger.ts');
    const ledger = await openLedger(file, { now: 300_000_000, warn: () => undefined });
    expect(ledger.buckets('one', 'read')).toEqual([{ start: 300_000_000, count: 2_000 }]);
    ledger.close();
  });
});

describe('whose token it is', () => {
  const tokenOf = (fields: object) => new Secret(`ops_${Buffer.from(JSON.stringify(fields)).toString('base64url')}`);
  const identityOf = (fields: object) => identifiedToken(() => Promise.resolve(tokenOf(fields))).identity();

  it('is told by its service account and its address', async () => {
    const acme = { email: 'a@1passwordserviceaccounts.com', signInAddress: 'acme.1password.com' };
    const one = await identityOf(acme);
    expect(one?.token).toMatch(/^[0-9a-f]{24}$/);
    expect(await identityOf({ ...acme, secretKey: 'rotated', signInAddress: 'https://ACME.1password.com/' })).toEqual(
      one,
    );
    const two = await identityOf({ ...acme, email: 'b@1passwordserviceaccounts.com' });
    expect([two?.account === one?.account, two?.token === one?.token]).toEqual([true, false]);
  });

  it('is its own account where addresses are shared', async () => {
    const [one, two] = await Promise.all(
      ['a@x', 'b@x'].map((email) => identityOf({ email, signInAddress: 'my.1password.eu' })),
    );
    expect(one?.account).not.toBe(two?.account);
  });

  it('is read anew for the next sign-in, and not remembered where it cannot be read', async () => {
    let reads = 0;
    const fields = () => ({ email: `${reads}@x`, signInAddress: 'acme.1password.com' });
    const source = identifiedToken(() => {
      reads += 1;
      return reads === 1 ? Promise.reject(new Error('no file yet')) : Promise.resolve(tokenOf(fields()));
    });
    await expect(source.identity()).rejects.toThrow('no file yet');
    const first = await source.identity();
    await source.token();
    expect([reads, await source.identity()]).toEqual([2, first]);
    await source.token();
    expect(reads).toBe(3);
    expect(await source.identity()).not.toEqual(first);
  });
});
