import { folded } from '../../foundation/names.ts';
import { proxyProblem } from '../../foundation/proxy.ts';
import { isLoopbackHost, requireSafeAddress, safeAddressHint } from '../../foundation/safe-address.ts';
import { suggest } from '../../language/nearest-name.ts';
import type { Source } from '../../language/problems.ts';
import { clientProblems } from '../../adapters/issuers/client.ts';
import type { VaultAdapter } from '../../adapters/vaults/adapter.ts';
import { connectionKinds, type TypedSettings } from '../../language/forms.ts';
import { valueAt, type ObjectValue, type Value } from '../../language/compiled-values.ts';
import type { Reference } from '../../foundation/reference.ts';
import { isWhole, servesVault, type Environment } from './settings.ts';

/** What the keys of an environment cannot say one by one: addresses, tokens, names that must fit each other. */
export function checkEnvironment(
  environment: Environment,
  written: ObjectValue,
  references: readonly (readonly [Reference, Value])[],
  source: Source,
): void {
  checkConnections(environment, written, source);
  checkVaults(environment, written, source);
  checkProxy(environment, written, source);
  checkPageClients(environment, written, source);
  if (environment.cache.defaultTtl > environment.cache.maxTtl)
    source.report(
      valueAt(written, 'cache').range,
      '"default-ttl" is longer than "max-ttl"',
      'max-ttl is 15m by default',
    );
  const { host, tls, page } = environment.server;
  const isLocal = tls === undefined && (host === undefined || isLoopbackHost(host));
  if (page === true && !isLocal && !isBroken(written, 'server'))
    source.report(
      valueAt(written, 'server', 'page').range,
      'people reach this page by another name than localhost',
      'write it: page: https://HOST',
    );
  if (host !== undefined && tls === undefined && !isLoopbackHost(host) && !isBroken(written, 'server'))
    source.report(
      valueAt(written, 'server', 'host').range,
      'this address is reached from other machines, and there is no tls:',
      'add tls: { certificate: FILE, key: FILE }, or listen on 127.0.0.1',
    );
  for (const [reference, value] of references) {
    if (environment.laptop || servesVault(environment, reference.vault) || isBroken(written, 'vault')) continue;
    source.report(value.range, `no entry of vault: serves the vault "${reference.vault}"`, servedHint(environment));
  }
  for (const { of, name, range } of environment.named) {
    // flows are looked for once they are loaded
    if (of === 'flows' || environment.connections[of].has(name) || isBroken(written, of)) continue;
    const known = environment.connections[of].keys();
    source.report(range, `unknown ${singular[of]} "${name}"`, suggest(name, known));
  }
}

const singular = { issuers: 'issuer', 'identity-providers': 'identity provider', stores: 'store', apis: 'API' };

/** What an environment's `vault:` serves, for a hint. */
export function servedHint(environment: Environment): string {
  const names = environment.vaults.flatMap(({ vaults }) => vaults ?? []);
  return names.length === 0 ? 'add an entry under vault: in service.yaml' : `served: ${names.join(', ')}`;
}

/** What is wrong with a proxy's address is told without it: it may hold a password. */
function checkProxy({ proxy }: Environment, written: ObjectValue, source: Source): void {
  if (proxy === undefined) return;
  const value = valueAt(written, 'proxy');
  const [problem, hint] = [proxyProblem(proxy), 'write it as http://proxy.example:3128'];
  if (problem !== undefined) source.report(value.range, `the address of the proxy ${problem}`, hint);
  else if (value.as === 'literal' && /@/.test(proxy))
    source.report(
      value.range,
      'the address of the proxy holds a user name or password',
      'write proxy: ${{ env.PROXY }}, and set that variable',
    );
}

/** Credentials that do not fit each other, and a client that stands there twice. */
function checkPageClients({ pageClients }: Environment, written: ObjectValue, { report }: Source): void {
  const value = written.entries.get('page-clients');
  const items = value?.as === 'list' ? value.items : [];
  const seen = new Set<string>();
  for (const { issuer, clientId, credentials, ranges } of pageClients) {
    const key = JSON.stringify([issuer, clientId]);
    if (seen.has(key)) report(ranges.clientId, `"${clientId}" at ${issuer} is here twice`, 'keep one of them');
    seen.add(key);
    const item = items.find((each) => valueAt(each, 'client-id').range === ranges.clientId);
    if (item?.as !== 'object') continue;
    for (const { key: at, problem, hint } of clientProblems(credentials, item.given))
      report(valueAt(item, at).range, `"${at}" ${problem}`, hint);
  }
}

/** The addresses of every connection, and what its adapter says of it. */
function checkConnections(environment: Environment, written: ObjectValue, source: Source): void {
  for (const kind of connectionKinds) {
    for (const [name, settings] of environment.connections[kind]) {
      checkOne(
        environment.adapters[kind].get(settings.type),
        settings,
        valueAt(written, kind, name),
        environment,
        source,
      );
    }
  }
  for (const [name, settings] of environment.notify)
    checkOne(
      environment.adapters.channels.get(settings.type),
      settings,
      valueAt(written, 'notify', name),
      environment,
      source,
    );
}

function checkOne(
  adapter: Checking | undefined,
  settings: TypedSettings,
  written: Value,
  { development }: Environment,
  source: Source,
): void {
  for (const { key, url, isElsewhere = false } of adapter?.addresses(settings) ?? []) {
    if (url === undefined || url === '') continue;
    const problem = requireSafeAddress(url, development);
    const { range } = valueAt(written, ...key.split('.'));
    if (problem !== undefined) source.report(range, `this address ${problem}`, safeAddressHint);
    else if (isElsewhere && !development && isThisMachine(url))
      source.report(range, 'this address is of this machine', 'name another one, or write development: true above');
  }
  // what is missing or wrong has been told of
  if (adapter === undefined || !isWhole(adapter, settings)) return;
  const given = written.as === 'object' ? written.given : new Set<string>();
  for (const { key, problem, hint } of adapter.check?.(settings, given) ?? [])
    source.report(valueAt(written, ...key.split('.')).range, problem, hint);
}

/** RFC 6761, section 6.3, has all of `.localhost`. */
function isThisMachine(url: string): boolean {
  const host = new URL(url).hostname.replace(/\.$/, '');
  return isLoopbackHost(host) || host.endsWith('.localhost');
}

type Checking = Pick<VaultAdapter, 'addresses' | 'check' | 'keys'>;

function checkVaults(environment: Environment, written: ObjectValue, source: Source): void {
  const value = written.entries.get('vault');
  const items = value?.as === 'list' ? value.items : [];
  const seen = new Set<string>();
  let open = false;
  for (const [index, item] of items.entries()) {
    if (item.as !== 'object') continue;
    const entry = environment.vaults[index];
    if (entry !== undefined)
      checkOne(environment.adapters.vaults.get(entry.type), entry.settings, item, environment, source);
    if (entry?.vaults === undefined && !item.given.has('vaults')) {
      if (open) source.report(item.range, 'two entries name no vaults', 'only one entry can serve all the others');
      open = true;
    }
    for (const vault of entry?.vaults ?? []) {
      const name = folded(vault);
      if (seen.has(name)) source.report(valueAt(item, 'vaults').range, `two entries serve the vault "${vault}"`);
      seen.add(name);
    }
  }
}

function isBroken(written: ObjectValue, key: string): boolean {
  return written.given.has(key) && !written.entries.has(key);
}
