import { appendFile, readFile, rename, stat } from 'node:fs/promises';

/** bytes after which the notes begin anew; those before are kept once */
const largest = 1024 * 1024;
/** lines that wait for the disk: what comes meanwhile is told and counted, but not noted */
const mostWaiting = 1_000;

/** What requests failed with, for `policy explain --request`. */
export interface CauseNotes {
  /** @param line as the command tells the failure: references may stand in it, a value never does */
  note(request: string, line: string): void;
  close(): Promise<void>;
}

interface Note {
  readonly request: string;
  readonly line: string;
}

/**
 * Notes beside the trail, for its operator alone: the trail goes to others, and so holds no references and no words of a
 * service. They are no record: the oldest go, and what cannot be written is not missed.
 * @param trail the trail's file
 */
export function createCauseNotes(trail: string, warn: (message: string) => void): CauseNotes {
  const [file, old] = filesOf(trail);
  let waiting: string[] = [];
  let writing: Promise<void> | undefined;
  let warned = false;

  async function write(): Promise<void> {
    while (waiting.length > 0) {
      const text = waiting.join('');
      waiting = [];
      try {
        if ((await sizeOf(file)) > largest) await rename(file, old);
        await appendFile(file, text, { mode: 0o600 });
      } catch {
        if (!warned) warn(`what requests fail with cannot be noted in ${file}: flows policy explain will not know it`);
        warned = true;
      }
    }
    writing = undefined;
  }

  return {
    note(request, line) {
      if (waiting.length >= mostWaiting) return;
      waiting.push(`${JSON.stringify({ request, line } satisfies Note)}\n`);
      writing ??= write();
    },
    close: async () => writing,
  };
}

/** What is noted of a request; nothing where it is not. */
export async function causesOf(trail: string, request: string): Promise<readonly string[]> {
  const texts = await Promise.all(filesOf(trail).map((file) => readFile(file, 'utf8').catch(() => '')));
  const found = texts.flatMap((text) => text.split('\n')).flatMap(noteIn);
  return [...new Set(found.flatMap((note) => (note.request === request ? [note.line] : [])))];
}

function filesOf(trail: string): readonly [file: string, old: string] {
  return [`${trail}.causes`, `${trail}.causes.old`];
}

async function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    ({ size }) => size,
    () => 0,
  );
}

function noteIn(text: string): Note[] {
  try {
    const note: unknown = JSON.parse(text);
    if (typeof note !== 'object' || note === null || !('request' in note) || !('line' in note)) return [];
    const { request, line } = note;
    return typeof request === 'string' && typeof line === 'string' ? [{ request, line }] : [];
  } catch {
    return [];
  }
}
