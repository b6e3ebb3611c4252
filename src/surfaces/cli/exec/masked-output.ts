import { finished, type Readable, type Writable } from 'node:stream';
import type { Masking } from '../../../foundation/masking/masking.ts';
import { byTimer, type Every } from '../repeating-timer.ts';

/** milliseconds without a byte after which what little is kept is shown: a prompt waits for someone */
const quiet = 80;

/**
 * Copies what comes, without values, at the pace of who reads; resolves when nothing comes any more. Where nobody reads
 * any more the source is closed, so that who writes finds out.
 */
export async function copyMasked(
  from: Readable,
  to: Writable,
  masking: Masking,
  every: Every = byTimer,
): Promise<void> {
  const masked = masking.stream();
  let heard = false;
  let blocked = false;
  const put = (parts: readonly Buffer[]) => {
    let room = true;
    for (const part of parts) room = to.write(part);
    if (room || blocked) return;
    blocked = true;
    from.pause();
    to.once('drain', () => {
      blocked = false;
      from.resume();
    });
  };
  const stop = every(quiet, () => {
    if (!heard) put(masked.pause());
    heard = false;
  });
  const gone = () => from.destroy();
  to.on('error', gone);
  try {
    await new Promise<void>((resolve) => {
      from.on('data', (chunk: Buffer) => {
        heard = true;
        put(masked.write(chunk));
      });
      // a terminal whose programs are gone ends with an error; a file that is stdin ends, and is never closed
      finished(from, { writable: false }, () => resolve());
    });
    put(masked.end());
  } finally {
    stop();
    to.off('error', gone);
  }
}
