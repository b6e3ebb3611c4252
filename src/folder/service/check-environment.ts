import { isLoopbackHost, requireSafeAddress, safeAddressHint } from '../../foundation/safe-address.ts';
import { suggest } from '../../language/nearest-name.ts';
import type { Source } from '../../language/problems.ts';
import { valueAt, type ObjectValue, type Value } from '../../language/compiled-values.ts';
import type { Reference } from '../../foundation/reference.ts';
import { servesVault, type Environment } from './settings.ts';

/** What the keys of an environment cannot say one by one: addresses, tokens, names that must fit each other. */
export function checkEnvironment(
  environment: Environment,
  written: ObjectValue,
  references: readonly (readonly [Reference, Value])[],
  source: Source,
): void {
  checkAddresses(environment, written, source);
  checkVaults(environment, written, source);
  if (environment.cache.defaultTtl > environment.cache.maxTtl)
    source.report(
      valueAt(written, 'cache').range,
      '"default-ttl" is longer than "max-ttl"',
      'max-ttl is 15m by default',
    );
  const { host, tls } = environment.server;
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
  for (const [name, { signIn }] of environment.identityProviders) {
    const issuer = signIn?.issuer;
    if (issuer === undefined || environment.issuers.has(issuer) || isBroken(written, 'issuers')) continue;
    const { range } = valueAt(written, 'identity-providers', name, 'sign-in', 'issuer');
    source.report(range, `unknown issuer "${issuer}"`, suggest(issuer, environment.issuers.keys()));
  }
}

/** What an environment's `vault:` serves, for a hint. */
export function servedHint(environment: Environment): string {
  const names = environment.vaults.flatMap(({ vaults }) => vaults ?? []);
  return names.length === 0 ? 'add an entry under vault: in service.yaml' : `served: ${names.join(', ')}`;
}

function checkAddresses(environment: Environment, written: ObjectValue, source: Source): void {
  const look = (address: string | undefined, ...path: readonly string[]) => {
    if (address === undefined || address === '') return;
    const problem = requireSafeAddress(address, environment.development);
    if (problem !== undefined)
      source.report(valueAt(written, ...path).range, `this address ${problem}`, safeAddressHint);
  };
  for (const [name, { url }] of environment.issuers) look(url, 'issuers', name, 'url');
  for (const [name, { url, signIn }] of environment.identityProviders) {
    look(url, 'identity-providers', name, 'url');
    look(signIn?.redirectUri, 'identity-providers', name, 'sign-in', 'redirect-uri');
  }
  for (const [name, { endpoint }] of environment.stores) look(endpoint, 'stores', name, 'endpoint');
}

function checkVaults(environment: Environment, written: ObjectValue, source: Source): void {
  const value = written.entries.get('vault');
  const items = value?.as === 'list' ? value.items : [];
  const seen = new Set<string>();
  let open = false;
  for (const [index, item] of items.entries()) {
    if (item.as !== 'object') continue;
    const entry = environment.vaults[index];
    const token = item.entries.get('token');
    const ways = token?.as === 'object' ? token.given.size : 0;
    const places = (item.given.has('token') ? 1 : 0) + (item.given.has('account') ? 1 : 0);
    const hint = 'write token: { env: NAME }, { file: PATH } or { command: [PROGRAM, …] }, or account: NAME';
    if (places === 2 || (places === 0 && !mentionsToken(item, source))) {
      source.report(
        item.range,
        places === 0 ? 'this entry has no token' : 'this entry has a token and an account',
        hint,
      );
    } else if (token?.as === 'object' && ways !== 1) {
      source.report(token.range, 'a token has one source', hint);
    }
    if (item.given.has('quota') && item.given.has('account')) {
      source.report(valueAt(item, 'quota').range, 'the desktop app has no quota', 'write quota: beside a token');
    }
    if (entry?.vaults === undefined && !item.given.has('vaults')) {
      if (open) source.report(item.range, 'two entries name no vaults', 'only one entry can serve all the others');
      open = true;
    }
    for (const vault of entry?.vaults ?? []) {
      const name = vault.toLowerCase();
      if (seen.has(name)) source.report(valueAt(item, 'vaults').range, `two entries serve the vault "${vault}"`);
      seen.add(name);
    }
  }
}

/** A token that stood in the file itself has been reported, and taken out. */
function mentionsToken(item: ObjectValue, source: Source): boolean {
  return /(?:^|[\s{,])token\s*:/.test(source.text.slice(item.range.start, item.range.end));
}

function isBroken(written: ObjectValue, key: string): boolean {
  return written.given.has(key) && !written.entries.has(key);
}
