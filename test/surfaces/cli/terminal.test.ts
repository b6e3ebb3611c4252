import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunningStack } from '../../../src/laptop/start-stack.ts';
import { createHome } from '../../e2e/home.ts';
import { python } from '../../programs.ts';

const home = createHome(true, 'onepassword-connect');
let stack: RunningStack;
let password = '';
beforeAll(async () => {
  home.write(
    'flows/quick.yaml',
    'description: x\nsteps:\n' +
      '  - { id: password, uses: vault/read, with: { reference: op://Accounts/Quick/password } }\n' +
      '  - { id: code, uses: totp/code, with: { reference: op://Accounts/Quick/one-time password, at-least: 1 } }\n' +
      'output: { password: "${{ steps.password }}", code: "${{ steps.code }}" }\n',
  );
  home.write(
    'flows/by-hand.yaml',
    'description: x\nsteps:\n' +
      '  - { id: key, uses: human/step, with: { say: Make a key, open: "https://keys.example/new", field: op://Accounts/By Hand/credential } }\n',
  );
  home.write('flows/plain.yaml', readFlow('op://Accounts/Quick/password'));
  const code = (atLeast: number, item: string) =>
    `description: x\nbreak-glass: true\nsteps: [{ id: code, uses: totp/code, with: { reference: op://Accounts/${item}/one-time password, at-least: ${atLeast} } }]\noutput: `;
  home.write('flows/once.yaml', `${code(4, 'Quick')}"\${{ steps.code }}"\n`);
  home.write('flows/fresh.yaml', `${code(299, 'Slow')}{ code: "\${{ steps.code }}" }\n`);
  // codes that change every five seconds, and every five minutes
  home.write(
    'flows/development.yaml',
    'values:\n' +
      '  op://Accounts/Quick/one-time password: "otpauth://totp/x?secret=JBSWY3DPEHPK3PXP&period=5"\n' +
      '  op://Accounts/Slow/one-time password: "otpauth://totp/x?secret=JBSWY3DPEHPK3PXP&period=300"\n',
  );
  stack = await home.stack();
  const item = stack.vault.dump().find(({ title }) => title === 'Quick');
  password = item?.fields.find(({ label }) => label === 'password')?.value ?? '';
  if (password === '') throw new Error('the stack holds no password');
});
afterAll(() => home.close());

function readFlow(reference: string): string {
  return `description: x\nsteps: [{ id: a, uses: vault/read, with: { reference: ${reference} } }]\noutput: { value: "\${{ steps.a }}", of: Quick }\n`;
}

/** What stands on the screen in the end: each redraw starts where the former began. */
function screen(text: string): string {
  const lines: string[] = [];
  // oxlint-disable-next-line no-control-regex -- the cursor going up, and what is below erased
  for (const part of text.split(/(?=\u001b\[\d+F\u001b\[0J)/)) {
    // oxlint-disable-next-line no-control-regex -- the same
    const up = /^\u001b\[(\d+)F/.exec(part)?.[1];
    if (up !== undefined) lines.splice(lines.length - Number(up));
    const shown = stripVTControlCharacters(part).split('\r\n');
    lines.push(...shown.slice(0, -1));
  }
  return lines.join('\n');
}

describe.runIf(python)('on a terminal', () => {
  test('a person is told what to do, and what they paste is shown nowhere', async () => {
    const pasted = `canary-${crypto.randomUUID()}`;
    const running = home.start(['by-hand', '--yes'], { terminal: true });
    await running.shows('value: ');
    running.child.stdin.write(`${pasted}\r`);
    const { code, stdout } = await running.ended;
    const told = expect.stringContaining('Make a key\r\nhttps://keys.example/new\r\n');
    expect([code, stripVTControlCharacters(stdout)]).toEqual([0, told]);
    expect(stdout).not.toContain(pasted);
    const { fields } = stack.vault.dump().find(({ title }) => title === 'By Hand') ?? {};
    expect(fields?.find(({ label }) => label === 'credential (next)')?.value).toBe(pasted);
  });

  test('a code counts down and is renewed; secrets are hidden until r; Ctrl-C ends', async () => {
    const live = home.start(['quick'], { terminal: true });
    await live.shows(/code +.*\d{3} \d{3}/);
    const before = await live.shows('press r to show secrets, c to copy code, p to copy password');
    const asked = stack.vault.requests();
    expect(before).not.toContain(password);
    expect(screen(before)).toContain('••••••••');
    const codes = (text: string) =>
      new Set(stripVTControlCharacters(text).match(/\d{3} \d{3}(?= +valid for [1-5] s)/g));
    // a busy machine draws some seconds late, and leaves out what is over: the next code has them again
    await live.shows({ test: (text) => codes(text).size >= 2 && text.includes('valid for 1 s') });
    // a sitting is one read, and one line of the trail
    expect(stack.vault.requests()).toBe(asked);
    live.child.stdin.write('c');
    // oxlint-disable-next-line no-control-regex -- OSC 52, which gives a text to the clipboard
    expect(await live.shows(/\u001b\]52;c;\w+=*\u0007/)).not.toContain(password);
    live.child.stdin.write('r');
    expect(screen(await live.shows(password))).toContain(password);
    live.child.stdin.write('\u0003');
    const { code, stdout } = await live.ended;
    expect(code).toBe(0);
    // what a key has shown does not stay
    expect(screen(stdout)).not.toContain(password);
    expect(screen(stdout)).not.toContain('press r');
    expect(screen(stdout)).toMatch(
      /quick: environment development, vault http:.*\npassword +•+\ncode +\d{3} \d{3} +valid for \d s$/,
    );
    const { stdout: trail } = await home.flows(['audit', '--name', 'quick', '--json']);
    expect(trail.trimEnd().split('\n')).toHaveLength(1);
  });

  test('a code is shown as it is, and not waited for; nothing is praised meanwhile', async () => {
    const live = home.start(['fresh', '--reason', 'a look'], { terminal: true });
    const text = screen(await live.shows('any other key ends'));
    expect(text).toMatch(/^fresh: environment development, vault http:\S+\ncode +\d{3} \d{3} +valid for \d+ s\n/);
    live.child.stdin.write('q');
    expect((await live.ended).code).toBe(0);
  });

  test('what waits says why on one line, which is gone at the end', async () => {
    let text = '';
    // where the code has just begun there is nothing to wait for
    for (let time = 0; time < 10 && !text.includes('waiting'); time += 1)
      text = (await home.start(['once', '--reason', 'a look'], { terminal: true }).ended).stdout;
    // oxlint-disable-next-line no-control-regex -- the start of the line, and what is on it erased
    expect(text).toMatch(/\r\u001b\[2K\S*code: waiting for a one-time code that lasts 4 s \([1-5] s\)/);
    const after = text.slice(text.lastIndexOf('waiting'));
    // oxlint-disable-next-line no-control-regex -- the same
    expect(after).toMatch(/^[^\r\n]*\r\u001b\[2K[^\r\n]*once: environment development, [^\n]+\n\d{6}\r\n$/);
  });

  test('r shows and hides, any other key ends', async () => {
    const hidden = home.start(['plain'], { terminal: true });
    await hidden.shows('press r to show secrets');
    hidden.child.stdin.write('r');
    await hidden.shows(password);
    hidden.child.stdin.write('r');
    await hidden.shows('press r to show secrets');
    hidden.child.stdin.write('q');
    expect([(await hidden.ended).code, screen((await hidden.ended).stdout)]).toEqual([
      0,
      expect.stringMatching(/value +•+\nof +Quick$/),
    ]);
  });

  test('--reveal shows them at once and ends; colour only without NO_COLOR', async () => {
    const shown = await home.start(['plain', '--reveal'], { terminal: true }).ended;
    expect(shown.code).toBe(0);
    expect(screen(shown.stdout)).toMatch(new RegExp(`value +${password}\nof +Quick$`));
    expect(shown.stdout).toContain('\u001b[2m');
    const plain = await home.start(['plain', '--reveal'], { terminal: true, env: { NO_COLOR: '1' } }).ended;
    expect(plain.stdout).not.toContain('\u001b[');
    const piped = await home.start(['plain', '--json'], { terminal: true }).ended;
    expect(stripVTControlCharacters(piped.stdout)).toContain(JSON.stringify({ value: password, of: 'Quick' }));
  });

  test('a write asks: no changes nothing, yes does it, Ctrl-C at the question changes nothing', async () => {
    const question = /Do this in environment development\? \[y\/N\] /;
    for (const [answer, exit] of [
      ['n\r', 4],
      ['\r', 4],
      ['yess\r', 4],
      ['\u0003', 4],
      ['\u0004', 4],
    ] as const) {
      const asked = home.start(['seed-runtime'], { terminal: true });
      expect(await asked.shows(question)).toContain('AWS account 123456789012');
      asked.child.stdin.write(answer);
      const { code, stdout } = await asked.ended;
      expect([answer, code]).toEqual([answer, exit]);
      expect(stdout).not.toContain('done');
    }
    expect(stack.secretsManager.dump()).toEqual([]);
    const agreed = home.start(['seed-runtime'], { terminal: true });
    await agreed.shows(question);
    agreed.child.stdin.write('y\r');
    const { code, stdout } = await agreed.ended;
    expect(code).toBe(0);
    expect(screen(stdout)).toMatch(
      /secrets +create: 3, adopt: 0, update: 0, none: 0\nchanged +name: dev\/orders\/database, arn: /,
    );
    expect(stack.secretsManager.dump()).toHaveLength(3);
    // nothing would change: nothing to ask
    const again = await home.start(['seed-runtime'], { terminal: true }).ended;
    expect([again.code, again.stdout]).toEqual([0, expect.not.stringMatching(question)]);
  });

  test('the stack ends with Ctrl-C, and is gone', async () => {
    home.write('other/a.yaml', readFlow('op://A/B/c'));
    const other = home.start(['dev', '--dir', 'other'], { terminal: true });
    await other.shows('Ctrl-C stops everything.');
    other.child.stdin.write('\u0003');
    expect((await other.ended).code).toBe(0);
    const after = await home.flows(['a', '--dir', 'other', '--environment', 'development']);
    expect(after.code).toBe(69);
  });
});
