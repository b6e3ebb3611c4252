import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf, FlowError } from '../foundation/errors.ts';
import { inTurns, type InTurns } from '../foundation/in-turns.ts';
import { withPlayedTypes } from './development/played-types.ts';
import { readSettings, withoutService } from './service/read-service.ts';
import { type Environment, type Settings, tokenSources } from './service/settings.ts';
import { checkClose } from './flows/check-close.ts';
import { checkFlow } from './flows/check-flow.ts';
import { reportEverywhere } from './report-by-environment.ts';
import type { Flow } from './flows/flow.ts';
import { checkSchedule } from './flows/schedule.ts';
import { readFlow } from './flows/read-flow.ts';
import { suggest } from '../language/nearest-name.ts';
import { createSource, fileProblem, type Problem, type Range, type Source } from '../language/problems.ts';
import { readText } from '../language/file-text.ts';
import type { Adapters } from '../adapters/adapters.ts';
import type { StepKinds } from '../steps/contract.ts';
import { checkNamedFlows } from './flows/check-named-flows.ts';
import { flowNameOf, nameTrouble } from './reserved-names.ts';
import { readYaml, type Node, type YamlReader } from '../language/yaml.ts';
import { ofOthers, openToAll } from './files-of-others.ts';

/** A folder of flows, loaded and checked for every environment. Nothing was contacted. */
export interface Folder {
  readonly dir: string;
  readonly settings: Settings;
  /** those without problems of their own */
  readonly flows: ReadonlyMap<string, Flow>;
  /** names of flows that have problems */
  readonly broken: ReadonlySet<string>;
  /** in the order of files and lines */
  readonly problems: readonly Problem[];
  /** what keeps nothing from being used */
  readonly warnings: readonly Problem[];
}

const mostFlows = 2000;

/**
 * Loads a folder. What is wrong in its files is told in `problems`, all in one go.
 * @throws FlowError usage, where there is no such folder or it cannot be read
 */
export async function loadFolder(options: {
  readonly dir: string;
  readonly kinds: StepKinds;
  readonly adapters: Adapters;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** how its files are read, default as YAML, here and now */
  readonly read?: YamlReader | undefined;
}): Promise<Folder> {
  const { dir, kinds, adapters, env = {}, read = readYaml } = options;
  return withLateChecks(await inTurns(load(dir, kinds, adapters, env, read)));
}

/** What needs the other flows; and what it takes to read schedules, which is loaded where there are some. */
async function withLateChecks(folder: Folder): Promise<Folder> {
  const { flows } = folder;
  const late = [...flows.values()].filter(({ close, schedule }) => close !== undefined || schedule !== undefined);
  const found: Problem[] = [];
  for (const flow of late) {
    checkClose(flow, folder);
    if (flow.schedule !== undefined) await checkSchedule(flow);
    found.push(...flow.source.problems);
  }
  if (found.length === 0) return folder;
  const broken = late.filter(({ source }) => source.problems.length > 0).map(({ name }) => name);
  return {
    ...folder,
    flows: new Map([...folder.flows].filter(([name]) => !broken.includes(name))),
    broken: new Set([...folder.broken, ...broken]),
    problems: [...folder.problems, ...found],
  };
}

function* load(
  dir: string,
  kinds: StepKinds,
  adapters: Adapters,
  env: Readonly<Record<string, string | undefined>>,
  read: YamlReader,
): InTurns<Folder> {
  const names = listed(dir);
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  const { settings: ofService, service, trouble } = yield* loadSettings(dir, names, env, adapters, read);
  const settings = withPlayedTypes(dir, ofService, read);
  const flows = new Map<string, Flow>();
  const broken = new Set<string>();
  const yaml = names.map(flowNameOf).filter((name) => name !== undefined);
  for (const name of names) {
    const [ending] = /\.ya?ml\s*$/i.exec(name) ?? [];
    if (ending === undefined || ending === '.yaml') continue;
    const hint = `rename it to ${name.slice(0, -ending.length)}.yaml`;
    problems.push(fileProblem(join(dir, name), 'files of flows end in .yaml', hint));
  }
  if (yaml.length > mostFlows) {
    problems.push(fileProblem(dir, `more than ${mostFlows} flows in one folder`, 'use several folders: --dir'));
  }
  for (const name of yaml.slice(0, mostFlows)) {
    // whoever waits for an answer is served meanwhile
    yield;
    const found: Problem[] = [];
    const flow = yield* loadFlow(dir, name, kinds, settings, { problems: found, warnings }, read);
    problems.push(...found.toSorted(byPlace));
    if (flow === undefined || found.length > 0) broken.add(name);
    else flows.set(name, flow);
  }
  if (service !== undefined) checkNamedFlows(settings, service.source, flows, broken);
  const before = [...trouble, ...(service?.source.problems ?? []).toSorted(byPlace)];
  const files = names.map((name) => join(dir, name)).filter((each) => each.endsWith('.yaml'));
  const tokens = [...settings.environments.values()].flatMap(tokenSources);
  const tokenFiles = tokens.flatMap((token) => ('file' in token ? [token.file] : []));
  warnings.unshift(...ofOthers([dir, ...files]), ...openToAll(tokenFiles));
  return { dir, settings, flows, broken, problems: [...before, ...problems], warnings };
}

function* loadFlow(
  dir: string,
  name: string,
  kinds: StepKinds,
  settings: Settings,
  { problems, warnings }: { readonly problems: Problem[]; readonly warnings: Problem[] },
  read: YamlReader,
): InTurns<Flow | undefined> {
  const file = join(dir, `${name}.yaml`);
  const trouble = nameTrouble(name);
  if (trouble !== undefined) {
    problems.push(fileProblem(file, ...trouble));
    return undefined;
  }
  const text = readText(file);
  if (typeof text !== 'string') {
    problems.push(text);
    return undefined;
  }
  const source = createSource(file, text);
  const root = read(source);
  yield;
  const flow = root === undefined ? undefined : readFlow(name, root, source, kinds);
  yield;
  if (flow !== undefined) checkEverywhere(flow, settings);
  problems.push(...source.problems);
  warnings.push(...source.warnings.toSorted(byPlace));
  return flow;
}

/** Checks a flow for each environment that it may run in; what is wrong in some of them only says in which. */
function checkEverywhere(flow: Flow, { environments }: Settings): void {
  const mine: Environment[] = [];
  for (const name of flow.environments ?? environments.keys()) {
    const environment = environments.get(name);
    if (environment !== undefined) mine.push(environment);
    else flow.source.report(wordIn(flow, name), `unknown environment "${name}"`, suggest(name, environments.keys()));
  }
  reportEverywhere(mine, flow.source, (environment, report, warn) => checkFlow(flow, environment, report, warn));
}

function wordIn(flow: Flow, word: string): Range {
  const from = Math.max(0, flow.source.text.search(/^environments\s*:/m));
  const start = Math.max(0, flow.source.text.indexOf(word, from + 'environments'.length));
  return { start, end: start + word.length };
}

interface LoadedSettings {
  readonly settings: Settings;
  readonly service?: { readonly root: Node; readonly source: Source };
  /** what kept the file from being read */
  readonly trouble: readonly Problem[];
}

function* loadSettings(
  dir: string,
  names: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  adapters: Adapters,
  read: YamlReader,
): InTurns<LoadedSettings> {
  if (!names.includes('service.yaml')) return { settings: withoutService(adapters), trouble: [] };
  const file = join(dir, 'service.yaml');
  const text = readText(file);
  if (typeof text !== 'string') return { settings: withoutService(adapters), trouble: [text] };
  const source = createSource(file, text);
  const root = read(source);
  if (root === undefined) return { settings: withoutService(adapters), trouble: source.problems };
  yield;
  const settings = yield* readSettings(root, source, env, adapters);
  return { settings, service: { root, source }, trouble: [] };
}

function listed(dir: string): readonly string[] {
  try {
    // settings of editors and formatters, locks and halves of copies begin with a dot
    return readdirSync(dir)
      .filter((name) => !name.startsWith('.'))
      .toSorted();
  } catch (error) {
    const code = codeOf(error);
    const what =
      code === 'ENOENT'
        ? 'there is no folder'
        : code === 'ENOTDIR'
          ? 'this is not a folder:'
          : 'cannot read the folder';
    throw new FlowError('usage', `${what} "${dir}"`, {
      hint: 'name it with --dir, or write a first one with flows init',
      cause: error,
    });
  }
}

function byPlace(a: Problem, b: Problem): number {
  return a.line - b.line || a.column - b.column;
}
