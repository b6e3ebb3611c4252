import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { noticeText, tellDesktop } from '../../../src/surfaces/cli/approvals/tell-desktop.ts';

const before = { ...process.env };
afterEach(() => {
  process.env = { ...before };
});

/** A terminal, and what was written to it. */
function screen(errIsTerminal = true) {
  const told: string[] = [];
  return { told, terminal: { errIsTerminal, err: (text: string) => void told.push(text) } };
}

/** A desktop whose notify-send ends so. @returns the file that it writes what it was given to */
function desktop(code: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'desktop-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const [program, given] = [join(folder, 'notify-send'), join(folder, 'given')];
  writeFileSync(program, `#!/bin/sh\nprintf '%s\\n' "$@" > ${given}\nexit ${code}\n`);
  chmodSync(program, 0o755);
  process.env = { ...before, DISPLAY: ':0', PATH: `${folder}:${before['PATH']}` };
  return given;
}

test('a notice has who asks for what, on one line, and how many where there are several', () => {
  const card = { agent: 'codex', names: ['stripe.live_key', 'a\u001b]9;b'] };
  expect(noticeText([card])).toMatch(/^codex waits for an approval: stripe\.live_key, a/);
  expect(noticeText([card])).not.toContain('\u001b');
  expect(noticeText([card, card])).toBe('2 approvals wait for a person');
});

test('a desktop is told by its own program, which is given no markup', async () => {
  const given = desktop(0);
  const { told, terminal } = screen();
  tellDesktop('codex <b> waits', terminal);
  await expect.poll(() => readFileSync(given, 'utf8')).toBe('--app-name=flows\n--\ncodex <b> waits\n');
  expect(told).toEqual([]);
});

test.each<[string, Readonly<Record<string, string>>, string]>([
  ['OSC 9', { TERM: 'xterm-256color' }, '\u001b]9;a; b\u001b\\'],
  ['OSC 777', { TERM: 'foot' }, '\u001b]777;notify;flows;a, b\u001b\\'],
  ['OSC 777', { TERM: 'xterm-256color', VTE_VERSION: '7600' }, '\u001b]777;notify;flows;a, b\u001b\\'],
])('a terminal is told by %s where there is no desktop: %j', (_, variables, expected) => {
  const { DISPLAY: _display, WAYLAND_DISPLAY: _wayland, VTE_VERSION: _vte, ...others } = before;
  process.env = { ...others, ...variables };
  const { told, terminal } = screen();
  tellDesktop('a; b', terminal);
  expect(told).toEqual([expected]);
  const redirected = screen(false);
  tellDesktop('a; b', redirected.terminal);
  expect(redirected.told).toEqual([]);
});

test('a terminal is told where the program of the desktop fails, or is not there', async () => {
  desktop(1);
  for (const path of [process.env['PATH'], '/nowhere']) {
    process.env['PATH'] = path;
    const { told, terminal } = screen();
    tellDesktop('x', terminal);
    await expect.poll(() => told.length).toBe(1);
  }
});
