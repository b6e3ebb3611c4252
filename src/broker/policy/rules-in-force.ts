import { hash } from 'node:crypto';
import { type FSWatcher, statSync, watch } from 'node:fs';
import { join } from 'node:path';
import { type BrokerFiles, loadBrokerFiles } from '../../folder/policy-and-registry.ts';
import { asFlowError } from '../../foundation/errors.ts';
import type { Folder } from '../../folder/load-folder.ts';
import { fileProblem, type Problem } from '../../language/problems.ts';

/** The rules in force. */
export interface RulesInForce extends Pick<BrokerFiles, 'policy' | 'registry'> {
  /** first 16 hex digits of the SHA-256 of both files: the same rules have the same version */
  readonly version: string;
}

export interface WatchedRules {
  /** Ask anew for every request: a right that was taken away ends with the next call. */
  readonly current: () => RulesInForce;
  /** what is wrong with the files as they are now; while there is anything, older rules are in force */
  readonly problems: () => readonly Problem[];
  /** Looks at the files at once, as SIGHUP asks for. Never throws. */
  reload(): Promise<void>;
  close(): void;
}

export interface WatchOptions {
  readonly dir: string;
  /** the folder as it is now */
  readonly load: () => Promise<Folder>;
  /** new rules are in force; also called for the first */
  readonly onRules?: (rules: RulesInForce) => void;
  /** the files are wrong, the rules before them stay; once for each content */
  readonly onProblems?: (problems: readonly Problem[]) => void;
  /** milliseconds that a file must have been left alone before it is read, default 100: half of one may be valid YAML */
  readonly settle?: number;
  /** milliseconds between looks at the files where the system tells of no change, default 2,000 */
  readonly poll?: number;
}

const names = ['policy.yaml', 'registry.yaml'] as const;

/**
 * Loads policy.yaml and registry.yaml of a folder, and again whenever they change. A wrong new file leaves the rules
 * as they are. A file that is deleted takes its rights with it.
 * @param folder the folder as it is loaded already
 * @returns what `problems()` tells of at the start has no rules in force but deny: the caller decides whether to go on
 */
export function watchPolicy(folder: Folder, options: WatchOptions): WatchedRules {
  const { dir, onRules = () => undefined, onProblems = () => undefined, settle = 100, poll = 2_000 } = options;
  let rules: RulesInForce = { policy: { agents: new Map() }, registry: { secrets: new Map() }, version: 'none' };
  let problems: readonly Problem[] = [];
  let told: string | undefined;
  let seen = marksOf(dir);
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  /** they could not be read, as where the process may open no more files: that no file changes again is no reason to wait */
  let unread = false;
  let reading: Promise<void> = Promise.resolve();

  const take = (files: BrokerFiles) => {
    const version = versionOf(files);
    ({ problems, unreadable: unread } = files);
    if (problems.length > 0) {
      const content = versionOf(files, problems);
      if (content !== told) onProblems(problems);
      told = content;
      return;
    }
    told = undefined;
    if (version === rules.version) return;
    rules = { policy: files.policy, registry: files.registry, version };
    onRules(rules);
  };

  /** Flows are read again only where the files name what was not there: reading all of them stops everyone else. */
  async function load(): Promise<BrokerFiles> {
    const files = loadBrokerFiles(folder);
    if (files.problems.length === 0 || files.unreadable) return files;
    return loadBrokerFiles(known(folder, await options.load()));
  }

  async function read(): Promise<void> {
    try {
      const marks = marksOf(dir);
      const files = await load();
      // changed while it was read: what was read may be half of one and half of another
      if (marksOf(dir) === marks) take(files);
      else look();
    } catch (error) {
      const { message } = asFlowError(error);
      unread = true;
      problems = [fileProblem(dir, message)];
      if (told !== message) onProblems(problems);
      told = message;
    }
  }

  const reload = () => {
    clearTimeout(timer);
    timer = undefined;
    reading = reading.then(() => (closed ? undefined : read()));
    return reading;
  };

  /** Something may have changed: reads the files when they have been left alone for a while. */
  const look = () => {
    if (closed) return;
    const marks = marksOf(dir);
    if (marks === seen) return;
    seen = marks;
    clearTimeout(timer);
    const wait = () => {
      const later = marksOf(dir);
      const still = later === seen;
      seen = later;
      if (still) void reload();
      else timer = setTimeout(wait, settle).unref();
    };
    timer = setTimeout(wait, settle).unref();
  };

  take(loadBrokerFiles(folder));
  const watcher = watched(dir, look);
  const interval = setInterval(() => (unread ? void reload() : look()), poll).unref();
  return {
    current: () => rules,
    problems: () => problems,
    reload,
    close() {
      closed = true;
      watcher?.close();
      clearInterval(interval);
      clearTimeout(timer);
    },
  };
}

/**
 * What the files may name: references are those of the environments that run here, whatever service.yaml says by now;
 * flows that came since may be named already, though they run only from the next start on.
 */
function known(running: Folder, now: Folder): Folder {
  return {
    ...running,
    flows: new Map([...running.flows, ...now.flows]),
    broken: new Set([...running.broken, ...now.broken]),
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

/** What changes when a file does: links are followed, as those of a mounted ConfigMap change. */
function marksOf(dir: string): string {
  return names
    .map((name) => {
      try {
        const facts = statSync(join(dir, name), { bigint: true });
        return [facts.dev, facts.ino, facts.size, facts.mtimeNs, facts.ctimeNs].join(' ');
      } catch {
        return 'none';
      }
    })
    .join('\n');
}

function versionOf({ texts }: BrokerFiles, problems: readonly Problem[] = []): string {
  const told = problems.map(({ file, line, message }) => `${file}:${line}:${message}`);
  return hash('sha256', JSON.stringify([texts.policy ?? null, texts.registry ?? null, ...told]), 'hex').slice(0, 16);
}
