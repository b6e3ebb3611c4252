import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { Output, Shown } from '../../../src/engine/output.ts';
import { FlowError } from '../../../src/foundation/errors.ts';
import { Secret } from '../../../src/foundation/secret.ts';
import { showLive } from '../../../src/surfaces/cli/flow/live-output.ts';
import { processTerminal, type Terminal } from '../../../src/surfaces/cli/terminal.ts';

const start = 1_700_000_000_000;
type Entries = (Output & { kind: 'mapping' })['entries'];

/** A person before a terminal, whose clock goes on by seconds. */
function sit(
  first: (now: () => number) => Entries,
  renew: (now: number) => Promise<Output> = () => Promise.reject(new Error('asked')),
) {
  let at = start;
  let text = '';
  let asked = 0;
  let tick = () => undefined as void;
  let press = (_key: string) => undefined as void;
  const now = () => at;
  const terminal: Terminal = {
    ...processTerminal(false),
    out: (part) => void (text += part),
    err: (part) => void (text += part),
    note: (line) => void (text += `${line}\n`),
    keys(onKey) {
      press = onKey;
      return () => undefined;
    },
    interactive: true,
    outIsTerminal: true,
    errIsTerminal: true,
    width: 200,
  };
  const ended = showLive(first(now), {
    terminal,
    reveal: false,
    now,
    renew() {
      asked += 1;
      return renew(at);
    },
    every(_, call) {
      tick = call;
      return () => undefined;
    },
  });
  return {
    ended,
    asked: () => asked,
    press: (key: string) => press(key),
    /** what was written since it was last looked at */
    seen() {
      const seen = text;
      text = '';
      return seen;
    },
    async pass(seconds: number) {
      for (let second = 0; second < seconds; second += 1) {
        at += 1_000;
        tick();
        // a renewal has several turns
        for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
      }
    },
  };
}

const password: Shown = { as: 'secret', value: new Secret('hunter2') };
function code(text: string, validFor: number, at: number, later?: (moment: number) => Promise<Shown>): Shown {
  return {
    as: 'one-time-code',
    code: new Secret(text),
    validFor,
    validUntil: at + validFor * 1_000,
    ...(later && { at: later }),
  };
}
const mapping = (shown: Shown): Output => ({
  kind: 'mapping',
  entries: [
    ['password', password],
    ['code', shown],
  ],
});

describe('a mapping before somebody who looks on', () => {
  /** a code of three seconds that tells those after it */
  const own = (at: number): Shown => code(String(at).slice(4, 10), 3, at, async (moment) => own(moment));

  test('renews codes that tell those after them, and asks nobody', async () => {
    const view = sit((now) => [
      ['password', password],
      ['code', own(now())],
    ]);
    expect(view.seen()).toMatch(/^password +•+\ncode +000 000 +valid for 3 s\n/);
    await view.pass(10);
    const seen = view.seen();
    for (const later of [3, 6, 9]) expect(seen).toContain(`000 00${later}  valid for 3 s`);
    expect(seen).not.toContain('hunter2');
    view.press('q');
    await view.ended;
    expect(view.asked()).toBe(0);
  });

  test('c copies the code of the moment and p the password, and neither is shown', async () => {
    const view = sit((now) => [
      ['token', { as: 'secret', value: new Secret('first') }],
      ['password', password],
      ['code', own(now())],
    ]);
    await view.pass(4);
    expect(view.seen()).toContain('press r to show secrets, c to copy code, p to copy password; any other key ends');
    view.press('c');
    expect(view.seen()).toMatch(
      new RegExp(`\u001b\\]52;c;${Buffer.from('000003').toString('base64')}\u0007.*code is copied`, 's'),
    );
    view.press('p');
    const seen = view.seen();
    expect(seen).toContain(`\u001b]52;c;${Buffer.from('hunter2').toString('base64')}\u0007`);
    expect(seen).toContain('password is copied');
    expect(seen).not.toContain('hunter2');
    view.press('\u0003');
    await view.ended;
  });

  test('ends by itself after ten minutes, which it says, with the secrets hidden again', async () => {
    const view = sit((now) => [
      ['password', password],
      ['code', own(now())],
    ]);
    expect(view.seen()).toContain('(by itself in 10 min)');
    view.press('r');
    expect(view.seen()).toContain('hunter2');
    await view.pass(599);
    expect(view.seen()).toContain('(by itself in 1 min)');
    await view.pass(1);
    await view.ended;
    const last = stripVTControlCharacters(view.seen());
    expect(last).toMatch(/^password +•+\n.*\nended after 10 min: run it again\n$/);
  });

  test('keeps what is there while nothing answers, says why, and tries again', async () => {
    const outage = new FlowError('unavailable', 'the vault does not answer', { hint: 'see its status' });
    const view = sit(
      (now) => [
        ['password', password],
        ['code', code('111111', 3, now())],
      ],
      async (now) => {
        if (now < start + 12_000) throw outage;
        return mapping(code('222222', 30, now));
      },
    );
    await view.pass(7);
    const during = view.seen();
    expect(during).toMatch(
      /111 111 +valid for 0 s\nno new code, tried again soon: the vault does not answer \(see its status\)\n/,
    );
    expect(view.asked()).toBe(1);
    await view.pass(6);
    const after = view.seen();
    expect(after).toContain('222 222  valid for 30 s');
    expect(after.slice(after.indexOf('222 222'))).not.toContain('no new code');
    expect(view.asked()).toBe(3);
    view.press('q');
    await view.ended;
  });

  test('ends where a renewal fails in a way that lasts', async () => {
    const view = sit(
      (now) => [['code', code('111111', 1, now())]],
      () => Promise.reject(new FlowError('denied', 'no more')),
    );
    const ended = view.ended.catch((error: unknown) => error);
    await view.pass(2);
    expect(await ended).toMatchObject({ code: 'denied' });
  });
});
