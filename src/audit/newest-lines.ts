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

/** The newest events that a filter lets through. @param trails their files @param most how many */
export type FindNewest = (trails: readonly string[], filter: AuditFilter, most: number) => Promise<NewestLines>;

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
  return newestOf(await Promise.all(trails.map((file) => ofTrail(file, filter, most, { budget }))), most);
}

/** … of all that the trails hold, however long they are. */
export const newestOfAll: FindNewest = (trails, filter, most) => newestLines(trails, filter, most, Infinity);

/** The same for who asks it again and again: all of a trail is read once, and then what is new. */
export function rememberNewest(): FindNewest {
  const known = new Map<string, Found>();

  async function ofFile(file: string, filter: AuditFilter, most: number): Promise<Found> {
    const key = JSON.stringify([file, { ...filter, actions: [...(filter.actions ?? [])] }, most]);
    const before = known.get(key);
    const files = segmentsOf(file).join();
    const found = await ofTrail(file, filter, most, { budget: Infinity, after: before?.newest });
    const older = found.after === undefined ? [] : (before?.lines ?? []);
    const all = { ...found, lines: [...found.lines, ...older].slice(0, most) };
    // of a file that became full meanwhile some may have been passed over: the next look reads it again
    if (segmentsOf(file).join() === files) known.set(key, all);
    return all;
  }

  return async (trails, filter, most) =>
    newestOf(await Promise.all(trails.map((file) => ofFile(file, filter, most))), most);
}

function newestOf(found: readonly NewestLines[], most: number): NewestLines {
  const lines = found.flatMap((each) => each.lines).toSorted((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0));
  return { lines: lines.slice(0, most), complete: found.every(({ complete }) => complete) && lines.length <= most };
}

interface Found extends NewestLines {
  /** number of the last line of the trail */
  readonly newest: number | undefined;
  /** only lines after this one were looked for; undefined: all */
  readonly after: number | undefined;
}

/** @param limits bytes that are read at most; number of a line: those up to it are known, where the trail is still the same */
async function ofTrail(
  file: string,
  filter: AuditFilter,
  most: number,
  limits: { readonly budget: number; readonly after?: number | undefined },
): Promise<Found> {
  const lines: AuditLine[] = [];
  let read = 0;
  let newest: number | undefined;
  let { after } = limits;
  const found = (complete: boolean): Found => ({ lines, complete, newest, after });
  // as a line has it: parsing takes ten times as long as this look
  const written = filter.name === undefined ? '' : JSON.stringify(filter.name);
  for (const segment of segmentsOf(file).toReversed()) {
    for await (const bytes of backwards(segment)) {
      read += bytes.length;
      const texts = bytes.toString().split('\n').toReversed();
      newest ??= numberIn(texts);
      // another trail began in its place
      if (newest !== undefined && after !== undefined && newest < after) after = undefined;
      for (const text of texts) {
        const line = text.includes(written) && text !== '' ? lineIn(text) : undefined;
        if (line === undefined) continue;
        // one that is too old ends nothing: where the clock was set back, what comes before it may be younger
        if (!fits(line, filter) || (after !== undefined && line.seq <= after)) continue;
        if (lines.length === most) return found(false);
        lines.push(line);
      }
      if (read > limits.budget) return found(false);
      if (after !== undefined && (numberIn(texts.toReversed()) ?? Infinity) <= after) return found(true);
    }
  }
  // nothing of what is known is there any more
  if (newest === undefined) after = undefined;
  return found(true);
}

/** The number of the first of these texts that is a line. */
function numberIn(texts: readonly string[]): number | undefined {
  for (const text of texts) {
    const line = lineIn(text);
    if (line !== undefined) return line.seq;
  }
  return undefined;
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
