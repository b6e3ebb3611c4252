import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { type AuditFilter, type AuditLine, fits, lineIn, mayFit } from './read-trail.ts';
import { segmentsOf } from './segments.ts';

export interface NewestLines {
  /** the newest first */
  readonly lines: readonly AuditLine[];
  /** nothing older was left unread */
  readonly complete: boolean;
}

/** What is looked for on trails: the newest events that a filter lets through, and how many at most. */
export interface Look {
  readonly filter: AuditFilter;
  readonly most: number;
}

/** What many looks find in one reading, in their order; of each the newest first. @param trails their files */
export type FindNewest = (
  trails: readonly string[],
  looks: readonly Look[],
) => Promise<readonly (readonly AuditLine[])[]>;

/** what one turn of the event loop looks through */
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
  // one more tells that there are more
  const looks = [{ filter, most: most + 1 }];
  const found = await oneByOne(trails, (file) => ofTrail(file, looks, { budget }));
  const [lines = []] = newestOf(found, looks);
  return { lines: lines.slice(0, most), complete: lines.length <= most && found.every(({ whole }) => whole) };
}

/** … of all that the trails hold, however long they are. */
export const newestOfAll: FindNewest = async (trails, looks) =>
  newestOf(await oneByOne(trails, (file) => ofTrail(file, looks)), looks);

/** The same for who asks it again and again: all of a trail is read once, and then what is new. */
export function rememberNewest(): FindNewest {
  const known = new Map<string, Found>();

  async function ofFile(file: string, looks: readonly Look[]): Promise<Found> {
    const filters = looks.map(({ filter, most }) => [{ ...filter, actions: [...(filter.actions ?? [])] }, most]);
    const key = JSON.stringify([file, filters]);
    const before = known.get(key);
    const files = segmentsOf(file).join();
    const found = await ofTrail(file, looks, { known: before?.newest });
    const lines = looks.map(({ most }, index) =>
      [...(found.lines[index] ?? []), ...(found.met ? (before?.lines[index] ?? []) : [])].slice(0, most),
    );
    const all = { ...found, lines };
    // of a file that became full meanwhile some may have been passed over: the next look reads it again
    if (segmentsOf(file).join() === files) known.set(key, all);
    return all;
  }

  return async (trails, looks) => newestOf(await oneByOne(trails, (file) => ofFile(file, looks)), looks);
}

/** Trails are not read at the same time: what each takes of a turn would add up. */
async function oneByOne(trails: readonly string[], look: (file: string) => Promise<Found>): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const file of trails) found.push(await look(file));
  return found;
}

function newestOf(found: readonly Found[], looks: readonly Look[]): readonly (readonly AuditLine[])[] {
  return looks.map(({ most }, index) =>
    found
      .flatMap(({ lines }) => lines[index] ?? [])
      .toSorted((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0))
      .slice(0, most),
  );
}

interface Found {
  /** of each look */
  readonly lines: readonly (readonly AuditLine[])[];
  /** the last line of the trail, as it stands there */
  readonly newest: string | undefined;
  /** what is known was come to: nothing older was looked for */
  readonly met: boolean;
  /** the budget was enough */
  readonly whole: boolean;
}

/**
 * @param limits bytes that are read at most; a line up to which all is known. Where another trail began in the place of
 * its trail it is met nowhere, and all is read: by its number alone it could not be told from another one
 */
async function ofTrail(
  file: string,
  looks: readonly Look[],
  { budget = Infinity, known }: { readonly budget?: number; readonly known?: string | undefined } = {},
): Promise<Found> {
  const searches = looks.map(({ filter, most }) => ({ filter, most, lines: new Array<AuditLine>() }));
  const open = () => searches.filter(({ lines, most }) => lines.length < most);
  const may = mayFit(looks.map(({ filter }) => filter));
  let read = 0;
  let newest: string | undefined;
  const found = (met: boolean, whole: boolean): Found => ({
    lines: searches.map(({ lines }) => lines),
    newest,
    met,
    whole,
  });
  for (const segment of segmentsOf(file).toReversed()) {
    for await (const bytes of backwards(segment)) {
      const block = bytes.toString();
      newest ??= block.split('\n').findLast((text) => lineIn(text) !== undefined);
      // most blocks have nothing for anybody, and are not taken apart
      if (may(block) || (known !== undefined && block.includes(known))) {
        for (const text of block.split('\n').toReversed()) {
          if (text === known) return found(true, true);
          const line = may(text) ? lineIn(text) : undefined;
          if (line === undefined) continue;
          // one that is too old ends nothing: where the clock was set back, what comes before it may be younger
          for (const { filter, lines } of open()) if (fits(line, filter)) lines.push(line);
        }
      }
      if (open().length === 0) return found(false, true);
      read += bytes.length;
      if (read > budget) return found(false, false);
    }
  }
  return found(false, true);
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
