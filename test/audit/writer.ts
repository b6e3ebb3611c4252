import { openTrail } from '../../src/audit/trail.ts';

/** Writes events to a trail as fast as it takes them, and says on stdout what came of each, until it is killed. */
const [file = '', key = '', flush = 'first', weight = ''] = process.argv.slice(2);
const callers = 32;
const trail = await openTrail({
  file,
  key: () => Promise.resolve(Buffer.from(key, 'hex')),
  flush: flush === 'every' ? 'every' : 'first',
  anchor: (checkpoint) => process.stdout.write(`${JSON.stringify(checkpoint)}\n`),
  // a tenth of the time
  schedule(work, milliseconds) {
    const timer = setTimeout(work, milliseconds / 10);
    return () => clearTimeout(timer);
  },
});
let number = 0;

async function caller(): Promise<void> {
  for (;;) {
    number += 1;
    const request = `request-${number}`;
    try {
      const what = ['x'.repeat(number % 300)];
      await trail.record(
        { agent: 'codex', action: 'token.issue', what, outcome: 'allowed', request },
        weight === 'repeat' ? 'repeat' : undefined,
      );
      process.stdout.write(`ok ${request}\n`);
    } catch {
      process.stdout.write(`refused ${request}\n`);
      await new Promise((resolve) => {
        setTimeout(resolve, 5);
      });
    }
  }
}

await Promise.all(Array.from({ length: callers }, caller));
