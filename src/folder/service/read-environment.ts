import type { Adapters } from '../../adapters/adapters.ts';
import { parseDuration } from '../../foundation/duration.ts';
import { compileObject } from '../../language/compile.ts';
import { evaluate, evaluateKeys } from '../../language/evaluate.ts';
import type { Resolved, Unresolved } from '../../language/expression-types.ts';
import type { Expression } from '../../language/expressions.ts';
import { connectionKinds, type InputOf, type TypedSettings } from '../../language/forms.ts';
import { suggest } from '../../language/nearest-name.ts';
import type { Source } from '../../language/problems.ts';
import { parseRate } from '../../language/rate.ts';
import { later, type ObjectValue, type Value, valueAt, valuesIn } from '../../language/compiled-values.ts';
import type { Entry, MappingNode } from '../../language/yaml.ts';
import type { Reference } from '../../foundation/reference.ts';
import { checkEnvironment } from './check-environment.ts';
import { cacheKeys, environmentKeysOf } from './service-keys.ts';
import type { CacheSettings, Environment, NamedThing, PageClient, Plain, ServerSettings } from './settings.ts';

type Env = Readonly<Record<string, string | undefined>>;
type Written = Partial<InputOf<ReturnType<typeof environmentKeysOf>>>;

const laptopName = 'development';
const connectionKeys = ['vault', ...connectionKinds];

/** One environment of service.yaml. */
export function readEnvironment(
  { key: name, keyRange, value: node }: Entry,
  source: Source,
  env: Env,
  adapters: Adapters,
): Environment {
  const empty: MappingNode = { kind: 'mapping', entries: [], range: keyRange };
  const given = node.kind === 'scalar' && node.value === null ? empty : node;
  const written = compileObject(
    given,
    { kind: 'object', keys: environmentKeysOf(adapters) },
    {
      source,
      what: `environment "${name}"`,
      key: '',
    },
  );
  if (written === undefined) return blankEnvironment(name, false, adapters);
  const laptop = name === laptopName && !connectionKeys.some((key) => written.given.has(key));
  const unset = new Set<string>();
  const vars = readVars(written.entries.get('vars'), source, env, unset);
  const resolve = (expression: Expression) => resolveIn(expression, vars, env, unset);
  const references: (readonly [Reference, Value])[] = [];
  const { known } = evaluateKeys(written, {
    resolve,
    report: source.report,
    partial: true,
    onReference: (reference, value) => references.push([reference, value]),
  });
  const found: Written = known;
  const development = laptop || found.development === true;
  const environment: Environment = {
    ...blankEnvironment(name, laptop, adapters),
    development,
    vars,
    proxy: found.proxy,
    key: found.key ?? [],
    vaults: (found.vault ?? []).map((settings) => ({
      type: settings.type,
      vaults: listOf(settings['vaults']),
      settings,
    })),
    connections: {
      issuers: mapOf(found.issuers),
      'identity-providers': mapOf(found['identity-providers']),
      stores: mapOf(found.stores),
      apis: mapOf(found.apis),
    },
    notify: mapOf(found.notify),
    pageClients: pageClientsOf(found['page-clients'], written.entries.get('page-clients')),
    references: references.map(([reference]) => reference),
    named: namedIn(written),
    cache: cacheOf(found.cache),
    audit: { file: found.audit?.file, anchor: found.audit?.anchor, flush: found.audit?.flush ?? 'first' },
    runs: { database: found.runs?.database },
    server: serverOf(found.server),
    mcp: { tools: found.mcp?.tools ?? [] },
    unset: [...unset],
  };
  checkEnvironment(environment, written, references, source);
  return environment;
}

/** The defaults stand in the keys: an absent `cache:` is worth an empty one. */
function cacheOf(found: Partial<InputOf<typeof cacheKeys>> = {}): CacheSettings {
  return {
    defaultTtl: parseDuration(found['default-ttl'] ?? cacheKeys['default-ttl'].default ?? '') ?? 0,
    maxTtl: parseDuration(found['max-ttl'] ?? cacheKeys['max-ttl'].default ?? '') ?? 0,
    maxEntries: found['max-entries'] ?? cacheKeys['max-entries'].default ?? 1,
  };
}

function serverOf(found: Written['server']): ServerSettings {
  const { host, port, socket, names = [], tls, page, mcp = false, 'vault-api': vault } = found ?? {};
  const files = tls?.certificate === undefined || tls.key === undefined ? undefined : tls;
  const vaultApi = vault && { rate: parseRate(vault.rate ?? '') };
  return { host, port, socket, names, page, mcp, vaultApi, tls: files };
}

function pageClientsOf(found: Written['page-clients'] = [], value: Value | undefined): readonly PageClient[] {
  const items = value?.as === 'list' ? value.items : [];
  return found.flatMap(({ issuer, 'client-id': clientId, ...credentials }, index) => {
    const item = items[index];
    if (issuer === undefined || clientId === undefined || item === undefined) return [];
    const ranges = { issuer: valueAt(item, 'issuer').range, clientId: valueAt(item, 'client-id').range };
    return [{ issuer, clientId, credentials, ranges }];
  });
}

function mapOf(found: Readonly<Record<string, TypedSettings>> | undefined): ReadonlyMap<string, TypedSettings> {
  return new Map(Object.entries(found ?? {}));
}

function listOf(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) ? value.map(String) : undefined;
}

/** What the connections of an environment name, and its `mcp:`, where it is written out. */
function namedIn(environment: ObjectValue): readonly NamedThing[] {
  const mcp = environment.entries.get('mcp');
  const tools = mcp === undefined ? [] : namesIn(mcp, undefined);
  const ofConnections = connectionKinds.flatMap((kind) => {
    const value = environment.entries.get(kind);
    const all = value?.as === 'mapping' ? value.entries : [];
    return all.flatMap(([name, connection]) => namesIn(connection, { kind, name }));
  });
  return [...ofConnections, ...tools];
}

function namesIn(value: Value, by: NamedThing['by']): readonly NamedThing[] {
  return [...valuesIn(value)].flatMap(({ form, range, ...each }): NamedThing[] => {
    if (form.kind !== 'text' || form.names === undefined || each.as !== 'literal') return [];
    return [{ of: form.names, name: String(each.value), by, range }];
  });
}

/** Variables are worth what the file says; only `${{ env.NAME }}` may stand in them. */
function readVars(value: Value | undefined, source: Source, env: Env, unset: Set<string>): ReadonlyMap<string, Plain> {
  const vars = new Map<string, Plain>();
  if (value?.as !== 'mapping') return vars;
  const resolve = (expression: Expression) => resolveIn(expression, vars, env, unset);
  for (const [name, each] of value.entries) {
    const found = evaluate(each, { resolve, report: source.report });
    if (typeof found === 'string' || typeof found === 'number' || typeof found === 'boolean') vars.set(name, found);
  }
  return vars;
}

/** In service.yaml expressions name variables of the same environment, and variables of the process. */
function resolveIn(
  { path, text }: Expression,
  vars: ReadonlyMap<string, Plain>,
  env: Env,
  unset: Set<string>,
): Resolved | Unresolved {
  const [root = '', name = '', ...more] = path;
  if (root === 'env' && name !== '' && more.length === 0) {
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    if (value !== undefined) return { type: 'text', value, reviewed: true };
    unset.add(name);
    return { type: 'any', value: later, reviewed: true };
  }
  if (root === 'vars' && name !== '' && more.length === 0) {
    const value = vars.get(name);
    if (value === undefined && unset.size > 0) return { type: 'any', value: later, reviewed: true };
    if (value === undefined)
      return {
        problem: `unknown variable "${name}"`,
        hint: suggest(name, vars.keys()) ?? 'declare it above, under vars:',
      };
    const type = typeof value === 'string' ? 'text' : typeof value === 'number' ? 'number' : 'boolean';
    return { type, value, reviewed: true };
  }
  return { problem: `"${text}" may not stand in service.yaml`, hint: 'only ${{ vars.NAME }} and ${{ env.NAME }} do' };
}

/** An environment with nothing in it. */
export function blankEnvironment(name: string, laptop: boolean, adapters: Adapters): Environment {
  const none = new Map<string, never>();
  const connections = { issuers: none, 'identity-providers': none, stores: none, apis: none };
  const rest = {
    cache: cacheOf(),
    audit: { file: undefined, anchor: undefined, flush: 'first' as const },
    runs: { database: undefined },
    server: serverOf(undefined),
    mcp: { tools: [] },
    unset: [],
  };
  return {
    name,
    laptop,
    development: laptop,
    vars: none,
    proxy: undefined,
    key: [],
    vaults: [],
    connections,
    played: { vault: undefined, 'identity-providers': none },
    notify: none,
    pageClients: [],
    references: [],
    named: [],
    adapters,
    ...rest,
  };
}
