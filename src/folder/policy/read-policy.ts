import { basename, dirname, resolve } from 'node:path';
import { parseDuration } from '../../language/duration.ts';
import { compileObject } from '../../language/compile.ts';
import { evaluateKeys } from '../../language/evaluate.ts';
import type { InputOf } from '../../language/forms.ts';
import type { Range, Source } from '../../language/problems.ts';
import { valueAt, type ObjectValue, type Value } from '../../language/compiled-values.ts';
import type { Node } from '../../language/yaml.ts';
import { parseRate } from '../../language/rate.ts';
import { type agentKeys, policyKeys } from './policy-keys.ts';
import { longestName } from './name-pattern.ts';
import type { AgentPolicy, AgentToken, Pattern, Policy, Trust } from './policy.ts';

/** A policy with the places of its lines, for the checks against other files. */
export interface WrittenPolicy {
  readonly policy: Policy;
  readonly lines: readonly PolicyLine[];
}

export interface PolicyLine {
  readonly agent: string;
  readonly list: 'allow' | 'flows' | 'deny';
  readonly text: string;
  readonly range: Range;
}

type WrittenAgent = Partial<InputOf<typeof agentKeys>>;

const lists = ['allow', 'flows', 'deny'] as const;
const noExpressions = { problem: 'expressions are not taken in policy.yaml', hint: 'write the value' };

/** No agent may have anything. */
export const emptyPolicy: Policy = { agents: new Map() };

/** policy.yaml's content as rules; what is wrong is reported, and such a policy must not be used. */
export function readPolicy(root: Node, source: Source): WrittenPolicy {
  const place = { source, what: 'policy.yaml', key: '' };
  const written = compileObject(root, { kind: 'object', keys: policyKeys }, place);
  const agents = written?.entries.get('agents');
  const found = (agents?.as === 'mapping' ? agents.entries : []).flatMap(([name, value]) =>
    value.as === 'object' ? [readAgent(name, value, source)] : [],
  );
  checkTokens(found, source);
  return {
    policy: { agents: new Map(found.map(({ agent }) => [agent.name, agent])) },
    lines: found.flatMap((each) => each.lines),
  };
}

interface ReadAgent {
  readonly agent: AgentPolicy;
  readonly lines: readonly PolicyLine[];
  readonly tokens: readonly (readonly [AgentToken, Range])[];
}

function readAgent(name: string, value: ObjectValue, source: Source): ReadAgent {
  const { report } = source;
  if (name === 'unknown' || name === 'local')
    report(value.range, `no agent may be named "${name}"`, 'the audit trail uses this word: choose another');
  const { known } = evaluateKeys(value, { resolve: () => noExpressions, report, partial: true });
  const found: WrittenAgent = known;
  const lines = lists.flatMap((list) => linesOf(name, list, value.entries.get(list), report));
  const patterns = (wanted: PolicyLine['list']): Pattern[] =>
    lines.flatMap(({ list, text, range }) =>
      list === wanted ? [{ text, location: shortLocation(range, source) }] : [],
    );
  const tokens = tokensOf(value.entries.get('tokens'), source);
  const written = found.trust ?? [];
  checkTrust(written, value.entries.get('trust'), source);
  const trust = written.map((each) => trustOf(each, dirname(source.file)));
  const agent: AgentPolicy = {
    name,
    tokens: tokens.map(([token]) => token),
    trust,
    allow: patterns('allow'),
    flows: patterns('flows'),
    deny: patterns('deny'),
    maxTtl: parseDuration(found['max-ttl'] ?? ''),
    rate: parseRate(found.rate ?? ''),
    requireReason: found['require-reason'] === true,
  };
  return { agent, lines, tokens };
}

function linesOf(
  agent: string,
  list: PolicyLine['list'],
  value: Value | undefined,
  report: Source['report'],
): PolicyLine[] {
  if (value?.as !== 'list') return [];
  return value.items.flatMap((item) => {
    if (item.as !== 'literal' || typeof item.value !== 'string') return [];
    if (item.value.length > longestName) report(item.range, `a name has at most ${longestName} characters`);
    return [{ agent, list, text: item.value, range: item.range }];
  });
}

function tokensOf(value: Value | undefined, source: Source): (readonly [AgentToken, Range])[] {
  if (value?.as !== 'list') return [];
  return value.items.flatMap((item): (readonly [AgentToken, Range])[] => {
    const hash = item.as === 'object' ? valueAt(item, 'sha256') : item;
    if (hash.as !== 'literal' || typeof hash.value !== 'string') return [];
    const [issued, expires] = ['issued', 'expires'].map((key) =>
      item.as === 'object' ? timeOf(item.entries.get(key), key, source) : undefined,
    );
    const times = { ...(issued === undefined ? {} : { issued }), expires };
    return [[{ sha256: hash.value.replace(/^sha256:/, ''), ...times }, hash.range]];
  });
}

function timeOf(value: Value | undefined, key: string, { report }: Source): number | undefined {
  if (value?.as !== 'literal') return undefined;
  const at = instant(value.value);
  if (at === undefined) report(value.range, `"${key}" takes a time with its time zone`, 'as in 2027-01-01T00:00:00Z');
  return at;
}

/** One token proves one agent. */
function checkTokens(agents: readonly ReadAgent[], { report }: Source): void {
  const owners = new Map<string, string>();
  for (const { agent, tokens } of agents) {
    for (const [{ sha256 }, range] of tokens) {
      const owner = owners.get(sha256);
      if (owner === undefined) owners.set(sha256, agent.name);
      else
        report(
          range,
          `this token is ${owner === agent.name ? 'here twice' : `also that of agent "${owner}"`}`,
          'each agent has tokens of its own: flows agents add',
        );
    }
  }
}

type WrittenTrust = NonNullable<WrittenAgent['trust']>[number];

function trustOf(written: WrittenTrust, folder: string): Trust {
  const { issuer, audience, claims, discovery, 'jwks-uri': jwksUri, keys, 'token-issuer': tokenIssuers } = written;
  const keysFile = keys === undefined ? undefined : resolve(folder, keys);
  return { issuer, audience, claims, discovery, jwksUri, keysFile, tokenIssuers };
}

/** Who trusts a whole issuer trusts everyone who can get a token there. */
function checkTrust(trust: readonly WrittenTrust[], value: Value | undefined, { report, warn }: Source): void {
  const items = value?.as === 'list' ? value.items : [];
  for (const [index, { issuer, claims, ...places }] of trust.entries()) {
    const item = items[index];
    if (item === undefined || issuer === undefined || claims === undefined) continue;
    if (!isSafeIssuer(issuer))
      report(valueAt(item, 'issuer').range, 'this issuer is no https address', 'plain http is for this machine only');
    else if (issuer.includes('/.well-known/'))
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
    if (isWhole(item, 'claims') && !Object.values(claims).some((each) => /[^*]/.test(each)))
      report(
        valueAt(item, 'claims').range,
        'these claims are those of everyone whom the issuer knows',
        'name at least one that only this agent has: repository, sub',
      );
    for (const [name, each] of Object.entries(claims)) {
      if (/^\^|\$$|\.\*|\\[dwsbDWSB.]|\[[^\]]+\][+*]|\(\?|\([^)]*\|/.test(each))
        warn(
          valueAt(item, 'claims', name).range,
          `"${name}" looks like a regular expression, and is compared letter by letter`,
          'only * stands for other characters, any number of them',
        );
    }
  }
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

/** Epoch milliseconds of an RFC 3339 time (section 5.6); undefined where it is none, or no day of the calendar. */
export function instant(text: unknown): number | undefined {
  if (typeof text !== 'string') return undefined;
  const parts = /^(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/.exec(text);
  const day = Date.parse(`${parts?.[1] ?? ''}T00:00:00Z`);
  if (Number.isNaN(day) || new Date(day).toISOString().slice(0, 10) !== parts?.[1]) return undefined;
  const found = Date.parse(text);
  return Number.isNaN(found) ? undefined : found;
}

/** `policy.yaml:7:13`, without the folder. */
function shortLocation(range: Range, source: Source): string {
  return source.location(range).slice(source.file.length - basename(source.file).length);
}
