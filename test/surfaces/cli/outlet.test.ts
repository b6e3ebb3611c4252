import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, openSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { repository } from '../../e2e/home.ts';

/** Runs a script that has `outlet`, on stdout, and `told`: the codes of what failed. */
function start(script: string, stdout: 'pipe' | number = 'pipe') {
  const url = pathToFileURL(`${repository}/src/surfaces/cli/outlet.ts`).href;
  const program = `
    import { createOutlet } from ${JSON.stringify(url)};
    import { writeSync } from 'node:fs';
    const told = [];
    const outlet = createOutlet(1, ({ code }) => told.push(code));
    ${script}
    process.on('exit', () => writeSync(2, told.join()));`;
  const child = spawn(process.execPath, ['--no-warnings', '--input-type=module', '-e', program], {
    stdio: ['ignore', stdout, 'pipe'],
  });
  let told = '';
  child.stderr?.on('data', (text: Buffer) => (told += text.toString()));
  const ended = new Promise<string>((resolve) => child.once('close', () => resolve(told)));
  return { child, ended };
}

describe('what a command writes', () => {
  test('comes out in its order, however much it is and however late it is read', async () => {
    const sizes = [1, 4_000, 5_000, 3, 200_000, 7, 60_000, 1];
    const { child, ended } = start(`for (const n of ${JSON.stringify(sizes)}) outlet.write(String(n % 10).repeat(n));`);
    const hash = createHash('sha256');
    // nobody reads before all is written that can be
    await new Promise((resolve) => child.stdout?.once('readable', resolve));
    for await (const chunk of child.stdout ?? []) hash.update(chunk as Buffer);
    expect(await ended).toBe('');
    const wanted = sizes.map((size) => String(size % 10).repeat(size)).join('');
    expect(hash.digest('hex')).toBe(createHash('sha256').update(wanted).digest('hex'));
  });

  test('waits for room where the pipe is full and does not wait itself', async () => {
    const { child, ended } = start(`
      process.stdout; // makes it one that does not wait
      let filled = 0;
      try { for (;;) filled += writeSync(1, 'x'.repeat(1_000)); } catch ({ code }) { told.push(code); }
      outlet.write('the end');
      told.push(filled);`);
    let text = '';
    for await (const chunk of child.stdout ?? []) text += String(chunk);
    const [code, filled] = (await ended).split(',');
    expect([code, text.length, text.slice(-7)]).toEqual(['EAGAIN', Number(filled) + 7, 'the end']);
  });

  test('that nobody reads any more fails with its code, whichever way it goes', async () => {
    const { child, ended } = start(`
      process.stdin.resume();
      setTimeout(() => { outlet.write('a'); outlet.write('b'.repeat(20_000)); }, 300);`);
    child.stdout?.destroy();
    expect(new Set((await ended).split(','))).toEqual(new Set(['EPIPE']));
  });

  test.runIf(existsSync('/dev/full'))('on a full disk fails with its code', async () => {
    expect(await start(`outlet.write('a');`, openSync('/dev/full', 'w')).ended).toBe('ENOSPC');
  });
});
