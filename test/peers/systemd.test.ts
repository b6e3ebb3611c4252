import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasProgram, installPackages } from '../programs.ts';

const unit = readFileSync('infra/auth-chain.service', 'utf8');
const command = /^ExecStart=(\S+) (.*)$/m.exec(unit);
let folder: string;
let file: string;

beforeAll(() => {
  if (!hasProgram('systemd-analyze')) installPackages('systemd');
  folder = mkdtempSync(join(tmpdir(), 'flows-unit-'));
  file = join(folder, 'auth-chain.service');
  // the program is not installed where tests run
  writeFileSync(file, unit.replace(command?.[1] ?? '', process.execPath));
}, 180_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const analyze = (...words: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync('systemd-analyze', words, { encoding: 'utf8' });
  return { status, text: `${stdout}${stderr}` };
};

describe.runIf(process.platform === 'linux')('the systemd unit', () => {
  test('is understood whole', () => {
    const { status, text } = analyze('verify', '--man=no', '--recursive-errors=no', file);
    expect([status, text.split('\n').filter((line) => line.includes('auth-chain.service'))]).toEqual([0, []]);
  });

  test('is as closed as systemd can make a program that compiles code as it runs', () => {
    // 15 of 100: what is left is the network, its address of any kind, and memory that is written and run
    const { status, text } = analyze('security', '--offline=yes', '--threshold=15', '--no-pager', file);
    expect(text).toMatch(/Overall exposure level for auth-chain\.service: \d/);
    expect(status).toBe(0);
  });

  test('hands the token over as a file, and dumps no memory', () => {
    expect(unit).toMatch(/^LoadCredential=agents:/m);
    expect(unit).toMatch(/^LimitCORE=0$/m);
    expect(unit).not.toMatch(/^Environment=.*(?:TOKEN|SECRET|PASSWORD)/im);
  });
});

test('the words of its command are ones that the command takes', async () => {
  const { spawn } = await import('node:child_process');
  const words = (command?.[2] ?? '').split(' ').map((word) => (word.startsWith('/') ? 'flows' : word));
  const child = spawn(process.execPath, ['--no-warnings', 'src/cli.ts', ...words, '--port', '0', '--host', '0.0.0.0'], {
    env: { PATH: process.env['PATH'] ?? '', HOME: folder, XDG_STATE_HOME: folder },
  });
  let told = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (told += text));
  const code = await new Promise((resolve) => child.once('close', resolve));
  // stopped by the address, which is looked at after the words and the files, before anything is contacted
  expect([code, told]).toEqual([2, expect.stringContaining('TLS')]);
});
