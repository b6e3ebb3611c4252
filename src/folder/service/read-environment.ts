import { parseDuration } from '../../language/duration.ts';
import { compileObject } from '../../language/compile.ts';
import { evaluate, evaluateKeys } from '../../language/evaluate.ts';
import type { Resolved, Unresolved } from '../../language/expression-types.ts';
import type { Expression } from '../../language/expressions.ts';
import type { InputOf } from '../../language/forms.ts';
import { suggest } from '../../language/nearest-name.ts';
import type { Source } from '../../language/problems.ts';
import { later, type Value } from '../../language/compiled-values.ts';
import type { Entry, MappingNode } from '../../language/yaml.ts';
import type { Reference } from '../../foundation/reference.ts';
import { checkEnvironment } from './check-environment.ts';
import { cacheKeys, environmentForm, type environmentKeys } from './service-keys.ts';
import { quotaOf } from '../../adapters/vaults/onepassword/quota-settings.ts';
import { tokenSource, withTokens } from './vault-token.ts';
import type { CacheSettings, Environment, Plain, ServerSettings } from './settings.ts';

type Env = Readonly<Record<string, string | undefined>>;
type Written = Partial<InputOf<typeof environmentKeys>>;

const laptopName = 'development';
const connectionKeys = ['vault', 'issuers', 'identity-providers', 'stores'];

/** One environment of service.yaml. */
export function readEnvironment({ key: name, keyRange, value: node }: Entry, source: Source, env: Env): Environment {
  const empty: MappingNode = { kind: 'mapping', entries: [], range: keyRange };
  const given = node.kind === 'scalar' && node.value === null ? empty : node;
  const written = compileObject(withTokens(given, source), environmentForm, {
    source,
    what: `environment "${name}"`,
    key: '',
  });
  if (written === undefined) return blankEnvironment(name, false);
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
    ...blankEnvironment(name, laptop),
    development,
    vars,
    key: found.key ?? [],
    vaults: (found.vault ?? []).map(({ type, vaults, token, account, quota }) => ({
      type,
      vaults,
      token: tokenSource(token),
      account,
      quota: account === undefined ? quotaOf(quota ?? {}) : undefined,
    })),
    issuers: mapped(found.issuers, (issuer) => ({
      ...issuer,
      url: issuer.url ?? '',
      discovery: issuer.discovery ?? 'oidc',
      typ: issuer.typ,
      algorithms: issuer.algorithms,
    })),
    identityProviders: mapped(found['identity-providers'], (provider) => {
      const signIn = provider['sign-in'];
      return {
        type: provider.type,
        url: provider.url,
        tokenFlow: provider['token-flow'],
        signIn: signIn && {
          issuer: signIn.issuer,
          clientId: signIn['client-id'],
          redirectUri: signIn['redirect-uri'],
          pages: signIn.pages,
        },
      };
    }),
    stores: mapped(found.stores, (store) => ({
      type: store.type,
      region: store.region,
      account: store.account,
      endpoint: store.endpoint,
      profile: store.profile,
      fingerprintKey: store['fingerprint-key'] ?? [],
    })),
    cache: cacheOf(found.cache),
    audit: { file: found.audit?.file, anchor: found.audit?.anchor },
    server: serverOf(found.server),
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
  const { host, port, socket, names = [], tls } = found ?? {};
  const files = tls?.certificate === undefined || tls.key === undefined ? undefined : tls;
  return { host, port, socket, names, tls: files };
}

function mapped<T, R>(found: Readonly<Record<string, T>> | undefined, make: (each: T) => R): ReadonlyMap<string, R> {
  return new Map(Object.entries(found ?? {}).map(([name, each]) => [name, make(each)]));
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
export function blankEnvironment(name: string, laptop: boolean): Environment {
  const none = new Map<string, never>();
  const connections = { issuers: none, identityProviders: none, stores: none };
  const rest = {
    cache: cacheOf(),
    audit: { file: undefined, anchor: undefined },
    server: serverOf(undefined),
    unset: [],
  };
  return { name, laptop, development: laptop, vars: none, key: [], vaults: [], ...connections, ...rest };
}
