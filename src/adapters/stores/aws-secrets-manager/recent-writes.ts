import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../../foundation/make-folder.ts';
import { replaceFile } from '../../../foundation/replace-file.ts';

/** ListSecrets may lag five minutes; twice that is waited before it is believed about what we wrote. */
const window = 600_000;

export interface Written {
  readonly name: string;
  /** the version that was, or was about to be, put in force */
  readonly version: string;
  /** epoch milliseconds */
  readonly at: number;
}

export interface RecentOptions {
  /** undefined: remembered in this process only */
  readonly folder: string | undefined;
  /** one store of one account, where it really is: its names are not another's */
  readonly scope: () => string;
  readonly now: () => number;
  warn(message: string): void;
}

/**
 * Which versions were written in the last ten minutes, by this process and, through the user's state folder, by others
 * before it. Each process has a file of its own, replaced as a whole, so that none can spoil another's. It holds
 * secret names and version names (HMACs), never a value.
 */
export function createRecent(options: RecentOptions) {
  const own: Written[] = [];
  const file = `${crypto.randomUUID()}.json`;
  let pending: Promise<void> | undefined;
  let warned = false;

  /** On disk before the write itself: killed in between, a look too many is all that happens. */
  async function record(name: string, version: string): Promise<void> {
    own.push({ name, version, at: options.now() });
    // all that is recorded in one turn shares one replacement of the file
    pending ??= soon();
    await pending;
  }

  async function soon(): Promise<void> {
    await Promise.resolve();
    pending = undefined;
    await save();
  }

  let saving = Promise.resolve();
  async function save(): Promise<void> {
    const turn = saving.then(replace);
    saving = turn.catch(() => undefined);
    await turn;
  }

  async function replace(): Promise<void> {
    const { folder } = options;
    if (folder === undefined) return;
    try {
      makeFolder(folder, 0o700);
      const since = options.now() - window;
      const entries = own.filter((each) => each.at > since);
      await replaceFile(join(folder, file), JSON.stringify({ scope: options.scope(), written: entries }));
    } catch {
      if (!warned)
        options.warn(
          `what is pushed cannot be remembered in ${folder}; use --strict when you push again within ten minutes`,
        );
      warned = true;
    }
  }

  /** The newest version written under each name within the window. */
  async function read(): Promise<ReadonlyMap<string, Written>> {
    const newest = new Map<string, Written>();
    const since = options.now() - window;
    for (const each of [...(await others()), ...own]) {
      if (each.at > since && each.at >= (newest.get(each.name)?.at ?? 0)) newest.set(each.name, each);
    }
    return newest;
  }

  async function others(): Promise<readonly Written[]> {
    const { folder } = options;
    if (folder === undefined) return [];
    const names = await readdir(folder).catch(() => []);
    const found: Written[] = [];
    for (const name of names.filter((each) => each !== file)) {
      const path = join(folder, name);
      const changed = await stat(path).then(
        (of) => of.mtimeMs,
        () => undefined,
      );
      if (changed === undefined) continue;
      if (changed < Date.now() - 2 * window) await rm(path, { force: true }).catch(() => undefined);
      else if (name.endsWith('.json'))
        found.push(...parse(await readFile(path, 'utf8').catch(() => ''), options.scope()));
    }
    return found;
  }

  return { record, read };
}

function parse(text: string, scope: string): readonly Written[] {
  try {
    const file = JSON.parse(text) as { scope?: unknown; written?: unknown };
    if (file.scope !== scope || !Array.isArray(file.written)) return [];
    return file.written.filter(isWritten);
  } catch {
    return []; // not ours, or of another release
  }
}

function isWritten(each: unknown): each is Written {
  const of = each as Partial<Written> | null;
  return typeof of?.name === 'string' && typeof of.version === 'string' && typeof of.at === 'number';
}
