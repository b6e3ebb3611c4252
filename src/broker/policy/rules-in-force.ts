import { hash } from 'node:crypto';
import { basename, join } from 'node:path';
import { type BrokerFiles, brokerFilesOf, loadBrokerFiles } from '../../folder/policy-and-registry.ts';
import { type BrokerClock, systemClock } from '../../foundation/clocks.ts';
import { asFlowError } from '../../foundation/errors.ts';
import { atOnce, inTurns, type InTurns } from '../../foundation/in-turns.ts';
import type { Folder } from '../../folder/load-folder.ts';
import { parseAhead } from '../../language/parse-ahead.ts';
import { fileProblem, type Problem } from '../../language/problems.ts';
import type { YamlReader } from '../../language/yaml.ts';
import { allowsMore, cutOff, within } from './held-rights.ts';
import { type Marks, marksOf, ruleFiles, watchFolder, yamlFiles } from './watch-folder.ts';

/** The rules in force. */
export interface RulesInForce extends Pick<BrokerFiles, 'policy' | 'registry'> {
  /** first 16 hex digits of the SHA-256 of both files: the same rules have the same version */
  readonly version: string;
}

export interface WatchedRules {
  /** Ask anew for every request: a right that was taken away ends with the next call. */
  readonly current: () => RulesInForce;
  /** what is wrong with the folder's files as they are now; what was in force before them stays */
  readonly problems: () => readonly Problem[];
  /** Looks at all files at once, as SIGHUP asks for. Never throws. */
  reload(): Promise<void>;
  close(): void;
}

export interface WatchOptions {
  readonly dir: string;
  /** the folder as it is now */
  readonly load: (read: YamlReader) => Promise<Folder>;
  /** flows and settings that are in force from now on. @throws FlowError, where they cannot be */
  readonly onFolder?: (folder: Folder) => void;
  /** new rules are in force; also called for the first */
  readonly onRules?: (rules: RulesInForce) => void;
  /** files are wrong, what was in force before them stays; once for each content */
  readonly onProblems?: (problems: readonly Problem[]) => void;
  /** milliseconds that a file must have been left alone before it is read, default 100: half of one may be valid YAML */
  readonly settle?: number;
  /** milliseconds between looks at the files where the system tells of no change, default 2,000 */
  readonly poll?: number;
  /** milliseconds that policy.yaml must have been the same before it gives more than before, default 2,000 */
  readonly hold?: number;
  /** what the hold is counted by */
  readonly clock?: Pick<BrokerClock, 'monotonic' | 'after'>;
}

/**
 * Keeps in force what a folder's files say, and takes them up again whenever they change: service.yaml, the flows,
 * registry.yaml and policy.yaml. What is wrong leaves that in force which was there before: a flow its older self,
 * service.yaml everything, policy and registry each other. A file that is deleted takes its rights with it. What policy
 * takes away ends at once; what it adds is held until the file has been the same for a while and is whole.
 * @param folder the folder as it is loaded already
 * @returns what `problems()` tells of at the start may have no rules in force but deny: the caller decides whether to go on
 */
export function watchPolicy(folder: Folder, options: WatchOptions): WatchedRules {
  const { dir, onRules = () => undefined, onProblems = () => undefined, onFolder = () => undefined } = options;
  const { settle = 100, poll = 2_000, hold = 2_000, clock = systemClock } = options;
  let rules: RulesInForce = { policy: { agents: new Map() }, registry: { secrets: new Map() }, version: 'none' };
  /** the last that were in force as they are written, and policy.yaml's text then */
  let whole = { rules, text: undefined as string | undefined };
  let held: { readonly version: string; readonly since: number; stop?: () => void } | undefined;
  let inForce = folder;
  let now = folder;
  let flowsSeen = marksOf(dir).flows;
  let problems: readonly Problem[] = [];
  let told: string | undefined;

  const tell = (found: readonly Problem[], content: string) => {
    problems = found;
    if (problems.length > 0 && content !== told) onProblems(problems);
    told = problems.length > 0 ? content : undefined;
  };

  const put = (next: RulesInForce) => {
    rules = next;
    onRules(rules);
  };

  const release = () => {
    held?.stop?.();
    held = undefined;
  };

  /** @param afresh flows or settings are others than before
   * @returns why rights that are new are not in force yet, where that needs a person */
  function* take(files: BrokerFiles, afresh: boolean): InTurns<readonly Problem[]> {
    if (files.problems.length > 0) return files.problems;
    const version = versionOf(files);
    const next = { policy: files.policy, registry: files.registry, version };
    const text = files.texts.policy;
    if (
      version === whole.rules.version ||
      whole.rules.version === 'none' ||
      !(yield* allowsMore(next.policy, whole.rules.policy))
    ) {
      release();
      whole = { rules: next, text };
      if (version !== rules.version) put(next);
      // the same text may mean another reference
      else if (afresh) rules = next;
      return [];
    }
    if (held?.version !== version) {
      release();
      held = { version, since: clock.monotonic() };
      if (yield* allowsMore(rules.policy, next.policy))
        put({ ...next, policy: within(next.policy, whole.rules.policy), version: `${version}, in part` });
    }
    if (held === undefined) return [];
    const left = hold - (clock.monotonic() - held.since);
    if (left > 0) {
      // again where the last one came early: a timer counts from the beginning of the turn that it is set in
      held.stop?.();
      held.stop = clock.after(left, () => void watching.reload());
      return [];
    }
    const why = cutOff(text ?? '', whole.text);
    if (why !== undefined) {
      const hint = 'complete it, or end it with a line break, and it is taken up';
      return [fileProblem(join(dir, 'policy.yaml'), `what it allows beyond before is held: ${why}`, hint)];
    }
    release();
    whole = { rules: next, text };
    put(next);
    return [];
  }

  /** Flows are read again only where they changed: reading all of them stops everyone else. */
  async function loadFlows({ flows }: Marks, reader: YamlReader): Promise<readonly Problem[]> {
    if (flows === flowsSeen) return now.problems;
    try {
      now = await options.load(reader);
      flowsSeen = flows;
    } catch (error) {
      const { message } = asFlowError(error);
      return [fileProblem(dir, message)];
    }
    const kept = keptService(inForce, now);
    if (kept !== undefined) return kept;
    const next = merged(inForce, now);
    try {
      onFolder(next);
      inForce = next;
      return now.problems;
    } catch (error) {
      const { message, hint } = asFlowError(error);
      return [...now.problems, fileProblem(join(dir, 'service.yaml'), message, hint)];
    }
  }

  async function read(marks: Marks): Promise<boolean> {
    const before = inForce;
    // flows are read where any of them changed, the rules always
    const names = marks.flows === flowsSeen ? ruleFiles : yamlFiles(dir);
    const reader = await parseAhead(names.map((name) => join(dir, name)));
    const ofFlows = await loadFlows(marks, reader);
    const files = await inTurns(brokerFilesOf(known(inForce, now), reader));
    const found = [...ofFlows, ...(await inTurns(take(files, inForce !== before)))];
    tell(found, versionOf(files, found));
    return files.unreadable || flowsSeen !== marks.flows;
  }

  const first = loadBrokerFiles(folder);
  const watching = watchFolder({ dir, settle, poll, read });
  const found = [...folder.problems, ...atOnce(take(first, false))];
  tell(found, versionOf(first, found));
  return {
    current: () => rules,
    problems: () => problems,
    reload: watching.reload,
    close() {
      watching.close();
      release();
    },
  };
}

/** What is wrong with service.yaml, where it cannot be taken up at all: half of it would be other addresses. */
function keptService(running: Folder, now: Folder): readonly Problem[] | undefined {
  if (now.problems.some(({ file }) => basename(file) === 'service.yaml')) return now.problems;
  if (running.settings.file === undefined || now.settings.file !== undefined) return undefined;
  return [...now.problems, fileProblem(running.settings.file, 'it is gone: what it said stays in force')];
}

/** A flow whose file is wrong stays what it was. */
function merged(running: Folder, now: Folder): Folder {
  const kept = [...running.flows].filter(([name]) => now.broken.has(name));
  return { ...now, flows: new Map([...now.flows, ...kept]) };
}

/** What policy and registry may name: also flows that are not in force, since their files or service.yaml are wrong. */
function known(running: Folder, now: Folder): Folder {
  return {
    ...running,
    flows: new Map([...running.flows, ...now.flows]),
    broken: new Set([...running.broken, ...now.broken]),
  };
}

function versionOf({ texts }: BrokerFiles, problems: readonly Problem[] = []): string {
  const told = problems.map(({ file, line, message }) => `${file}:${line}:${message}`);
  return hash('sha256', JSON.stringify([texts.policy ?? null, texts.registry ?? null, ...told]), 'hex').slice(0, 16);
}
