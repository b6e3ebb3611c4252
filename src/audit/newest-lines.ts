import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { type AuditFilter, type AuditLine, fits, lineIn } from './read-trail.ts';
import { segmentsOf } from './segments.ts';

export interface NewestLines {
  /** the newest first */
  readonly lines: readonly AuditLine[];
  /** nothing older was left unread */
  readonly complete: boolean;
}

const blockSize = 256 * 1024;

/**
 * The newest events that a filter lets through, read from the end of the trails: a page that shows the last hundred reads
 * no more than they take. @param trails their files @param budget bytes of each that are read at most
 */
export async function newestLines(
  trails: readonly string[],
  filter: AuditFilter,
  most: number,
  budget = 32 * 1024 * 1024,
): Promise<NewestLines> {
  const found = await Promise.all(trails.map((file) => ofTrail(file, filter, most, budget)));
  const lines = found.flatMap((each) => each.lines).toSorted((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0));
  return { lines: lines.slice(0, most), complete: found.every(({ complete }) => complete) && lines.length <= most };
}

async function ofTrail(file: string, filter: AuditFilter, most: number, budget: number): Promise<NewestLines> {
  const lines: AuditLine[] = [];
  let read = 0;
  // as a line has it: parsing takes ten times as long as this look
  const written = filter.name === undefined ? '' : JSON.stringify(filter.name);
  for (const segment of segmentsOf(file).toReversed()) {
    for await (const bytes of backwards(segment)) {
      read += bytes.length;
      for (const text of bytes.toString().split('\n').toReversed()) {
        const line = text.includes(written) && text !== '' ? lineIn(text) : undefined;
        if (line === undefined) continue;
        // one that is too old ends nothing: where the clock was set back, what comes before it may be younger
        if (!fits(line, filter)) continue;
        if (lines.length === most) return { lines, complete: false };
        lines.push(line);
      }
      if (read > budget) return { lines, complete: false };
    }
  }
  return { lines, complete: true };
}

/** A file in blocks of whole lines, from its end; what stands after the last line break is no line yet. */
async function* backwards(file: string): AsyncGenerator<Buffer> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const facts = await handle.stat();
    if (!facts.isFile()) return;
    let rest = Buffer.alloc(0);
    let isLast = true;
    for (let end = facts.size; end > 0;) {
      const start = Math.max(0, end - blockSize);
      const bytes = Buffer.concat([await readAt(handle, start, end - start), rest]);
      end = start;
      const first = bytes.indexOf(0x0a);
      const from = start === 0 ? 0 : first === -1 ? bytes.length : first + 1;
      rest = Buffer.from(bytes.subarray(0, from));
      const whole = bytes.subarray(from);
      yield isLast ? whole.subarray(0, whole.lastIndexOf(0x0a) + 1) : whole;
      isLast = false;
    }
  } finally {
    await handle.close();
  }
}

async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}
