import { type FSWatcher, readdirSync, statSync, watch } from 'node:fs';
import { join } from 'node:path';

/** What changes when a file does, of the files that rules are written in and of all the others. */
export interface Marks {
  readonly rules: string;
  readonly flows: string;
}

export interface FolderWatch {
  /** Reads at once. Never throws. */
  reload(): Promise<void>;
  close(): void;
}

export interface FolderWatchOptions {
  readonly dir: string;
  /** milliseconds that the files must have been left alone before they are read: half of one may be valid YAML */
  readonly settle: number;
  /** milliseconds between looks at the files where the system tells of no change */
  readonly poll: number;
  /** @returns whether to read again though nothing changes: files could not be read, as where no more may be opened */
  readonly read: (marks: Marks) => Promise<boolean>;
}

export const ruleFiles: readonly string[] = ['policy.yaml', 'registry.yaml'];

/** Reads a folder whenever one of its files changed and all have been left alone for a while. */
export function watchFolder({ dir, settle, poll, read }: FolderWatchOptions): FolderWatch {
  let seen = textOf(marksOf(dir));
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  let again = false;
  let reading: Promise<void> = Promise.resolve();

  async function readOnce(): Promise<void> {
    if (closed) return;
    const marks = marksOf(dir);
    again = await read(marks);
    // changed while it was read: what was read may be half of one and half of another
    if (textOf(marksOf(dir)) !== textOf(marks)) look();
  }

  const reload = () => {
    clearTimeout(timer);
    timer = undefined;
    reading = reading.then(readOnce);
    return reading;
  };

  const look = () => {
    if (closed) return;
    const marks = textOf(marksOf(dir));
    if (marks === seen) return;
    seen = marks;
    clearTimeout(timer);
    const wait = () => {
      const later = textOf(marksOf(dir));
      const still = later === seen;
      seen = later;
      if (still) void reload();
      else timer = setTimeout(wait, settle).unref();
    };
    timer = setTimeout(wait, settle).unref();
  };

  const watcher = watched(dir, look);
  const interval = setInterval(() => (again ? void reload() : look()), poll).unref();
  return {
    reload,
    close() {
      closed = true;
      watcher?.close();
      clearInterval(interval);
      clearTimeout(timer);
    },
  };
}

/** The system's own word that something in a folder changed; where it has none, the looks at intervals do. */
function watched(dir: string, changed: () => void): FSWatcher | undefined {
  try {
    return watch(dir, { persistent: false }, changed).on('error', () => undefined);
  } catch {
    return undefined;
  }
}

export function marksOf(dir: string): Marks {
  const names = yamlFiles(dir);
  const marks = (wanted: boolean) =>
    names
      .flatMap((name) => (ruleFiles.includes(name) === wanted ? [`${name} ${markOf(join(dir, name))}`] : []))
      .join('\n');
  return { rules: marks(true), flows: marks(false) };
}

function textOf({ rules, flows }: Marks): string {
  return `${rules}\n\n${flows}`;
}

export function yamlFiles(dir: string): readonly string[] {
  try {
    return readdirSync(dir).filter((name) => name.endsWith('.yaml') && !name.startsWith('.'));
  } catch {
    return [];
  }
}

/** Links are followed, as those of a mounted ConfigMap change. */
function markOf(path: string): string {
  try {
    const facts = statSync(path, { bigint: true });
    return [facts.dev, facts.ino, facts.size, facts.mtimeNs, facts.ctimeNs].join(' ');
  } catch {
    return 'none';
  }
}
