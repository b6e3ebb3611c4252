import { dirname, resolve } from 'node:path';
import type { InputOf } from '../../language/forms.ts';
import type { Source } from '../../language/problems.ts';
import { valueAt, type Value } from '../../language/compiled-values.ts';
import type { Trust } from './policy.ts';
import type { agentKeys } from './policy-keys.ts';

type AgentTrust = NonNullable<InputOf<typeof agentKeys>['trust']>[number];
/** A person has no run. */
type WrittenTrust = Omit<AgentTrust, 'run'> & Partial<Pick<AgentTrust, 'run'>>;

/**
 * The issuers that somebody is proven by; who trusts a whole issuer trusts everyone who can get a token there.
 * @param person whom they prove, where that is no agent
 */
export function readTrust(
  written: readonly WrittenTrust[],
  value: Value | undefined,
  source: Source,
  person?: string,
): readonly Trust[] {
  checkTrust(written, value, source, person);
  return written.map((each) => trustOf(each, dirname(source.file)));
}

function trustOf(written: WrittenTrust, folder: string): Trust {
  const { issuer, audience, run, claims, discovery, 'jwks-uri': jwksUri, keys, 'token-issuer': tokenIssuers } = written;
  const keysFile = keys === undefined ? undefined : resolve(folder, keys);
  return { issuer, audience, run, claims, discovery, jwksUri, keysFile, tokenIssuers };
}

function checkTrust(
  trust: readonly WrittenTrust[],
  value: Value | undefined,
  { report, warn }: Source,
  person: string | undefined,
): void {
  const items = value?.as === 'list' ? value.items : [];
  for (const [index, { issuer, claims, ...places }] of trust.entries()) {
    const item = items[index];
    if (item === undefined || issuer === undefined || claims === undefined) continue;
    if (!isSafeIssuer(issuer))
      report(valueAt(item, 'issuer').range, 'this issuer is no https address', 'plain http is for this machine only');
    else if (/\/\.well-known\//i.test(issuer))
      report(
        valueAt(item, 'issuer').range,
        'this is the address of a discovery document, not an issuer',
        'write the `iss` of its tokens, and the address under discovery:',
      );
    const given = (['discovery', 'jwks-uri', 'keys'] as const).filter((key) => places[key] !== undefined);
    for (const key of given) {
      const address = key === 'keys' || /^(?:oidc|oauth2)$/.test(places[key] ?? '') ? undefined : places[key];
      if (address !== undefined && !isSafeIssuer(address, true))
        report(valueAt(item, key).range, 'this address is not https', 'plain http is for this machine only');
    }
    if (given.length > 1)
      report(valueAt(item, given[1] ?? '').range, `"${given[1]}" stands beside "${given[0]}"`, 'keep one of them');
    // of a claim that is wrong it was told what it is
    if (isWhole(item, 'claims') && !Object.entries(claims).some(tellsApart))
      report(
        valueAt(item, 'claims').range,
        'these claims are those of everyone whom the issuer knows',
        'name at least one that only this agent has: repository, sub',
      );
    else if (isWhole(item, 'claims') && !saysWhose(issuer, claims))
      report(
        valueAt(item, 'claims').range,
        'this issuer gives such claims to anybody',
        `name whose they are, with * only behind that: ${openIssuers.get(issuer)?.example}`,
      );
    else if (person !== undefined && isWhole(item, 'claims') && (claims['sub'] ?? '*').includes('*'))
      report(
        valueAt(item, 'claims').range,
        `this may be others than "${person}", too`,
        'write sub: as the issuer has it for this person, whole',
      );
    for (const [name, each] of Object.entries(claims)) {
      if (/^\^|\$$|\.[*+]|\\[dwsbDWSB.]|\[[^\]]+\][+*]|\(\?|\([^)]*\||\w\{\d+,?\d*\}/.test(each))
        warn(
          valueAt(item, 'claims', name).range,
          `"${name}" looks like a regular expression, and is compared letter by letter`,
          'only * stands for other characters, any number of them',
        );
    }
  }
}

/** what the tokens of everyone have: the issuer's own, or what was asked for */
const everyones: ReadonlySet<string> = new Set(['iss', 'aud', 'exp', 'iat', 'nbf', 'jti']);

/** Whether a claim, as it is wanted, is not everyone's: something must stand there beside wildcards and what separates. */
function tellsApart([name, wanted]: readonly [string, string]): boolean {
  return !everyones.has(name) && /[\p{L}\p{N}]/u.test(wanted);
}

/** Issuers at which anybody has a place, and their claims that say whose it is. */
const openIssuers: ReadonlyMap<string, { readonly whose: RegExp; readonly example: string }> = new Map([
  [
    'https://token.actions.githubusercontent.com',
    {
      whose: /^(?:sub|(?:job_)?workflow_ref|repository(?:_owner)?(?:_id)?|enterprise(?:_id)?)$/,
      example: 'repository: acme/orders',
    },
  ],
  [
    'https://gitlab.com',
    { whose: /^(?:sub|ci_config_ref_uri|(?:namespace|project)_(?:id|path))$/, example: 'project_path: acme/orders' },
  ],
]);

/** Whether an owner is named whole: `acme*` is also that of `acme-evil`. */
function saysWhose(issuer: string, claims: Readonly<Record<string, string>>): boolean {
  const open = openIssuers.get(issuer);
  if (open === undefined) return true;
  // what stands in front in `sub` is the name of a claim
  const owner = (wanted: string) => wanted.replace(/^[a-z_]+:/, '');
  return Object.entries(claims).some(
    ([name, wanted]) => open.whose.test(name) && /^[^*]+(?:[/:]|$)/.test(owner(wanted)),
  );
}

/** Whether nothing in a mapping was wrong and left out. */
function isWhole(item: Value, key: string): boolean {
  const node = item.as === 'object' ? item.node : undefined;
  const written = node?.kind === 'mapping' ? node.entries.find((each) => each.key === key)?.value : undefined;
  const value = valueAt(item, key);
  return written?.kind === 'mapping' && value.as === 'mapping' && written.entries.length === value.entries.length;
}

function isSafeIssuer(issuer: string, withQuery = false): boolean {
  const url = URL.parse(issuer);
  if (url === null || url.username !== '' || url.password !== '' || url.hash !== '') return false;
  if (url.search !== '' && !withQuery) return false;
  return url.protocol === 'https:' || /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
}
