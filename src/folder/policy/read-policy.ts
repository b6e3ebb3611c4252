import { parseDuration } from '../../foundation/duration.ts';
import { atOnce, type InTurns } from '../../foundation/in-turns.ts';
import { compileObject } from '../../language/compile.ts';
import { evaluateKeys } from '../../language/evaluate.ts';
import type { InputOf } from '../../language/forms.ts';
import type { Range, Source } from '../../language/problems.ts';
import { valueAt, type ObjectValue, type Value } from '../../language/compiled-values.ts';
import type { Node } from '../../language/yaml.ts';
import { parseRate } from '../../language/rate.ts';
import { type agentKeys, policyKeys } from './policy-keys.ts';
import { longestName } from './name-pattern.ts';
import { type AgentPolicy, type AgentToken, noHookRules, type Pattern, type Policy, scheduleAgent } from './policy.ts';
import {
  readApprovers,
  readApproveRule,
  shortLocation,
  type WrittenApprovers,
  type WrittenRule,
} from './read-approvals.ts';
import { readTrust } from './read-trust.ts';
import { readVaultPath, type VaultPathRule } from './vault-paths.ts';

/** A policy with the places of its lines, for the checks against other files. */
export interface WrittenPolicy {
  readonly policy: Policy;
  readonly lines: readonly PolicyLine[];
  /** of `approve:`, of all agents */
  readonly rules: readonly WrittenRule[];
  /** agents whom approvers own */
  readonly owners: WrittenApprovers['owners'];
  /** channels by which approvers are told */
  readonly channels: WrittenApprovers['channels'];
  /** flows that approvers may reveal */
  readonly reveals: WrittenApprovers['reveals'];
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

const plainly = ({ report }: Source) => ({ resolve: () => noExpressions, report, partial: true }) as const;

/** No agent may have anything. */
export const emptyPolicy: Policy = { agents: new Map() };

/** policy.yaml's content as rules; what is wrong is reported, and such a policy must not be used. */
export function readPolicy(root: Node, source: Source): WrittenPolicy {
  return atOnce(policyOf(root, source));
}

/** The same, so that others are served meanwhile. */
export function* policyOf(root: Node, source: Source): InTurns<WrittenPolicy> {
  const place = { source, what: 'policy.yaml', key: '' };
  const written = compileObject(root, { kind: 'object', keys: policyKeys }, place);
  const agents = written?.entries.get('agents');
  const found: ReadAgent[] = [];
  for (const [name, value] of agents?.as === 'mapping' ? agents.entries : []) {
    yield;
    if (value.as === 'object') found.push(readAgent(name, value, source));
  }
  checkTokens(found, source);
  const hook = written?.entries.get('hook');
  const { approvers, owners, channels, reveals } = readApprovers(written?.entries.get('approvers'), source);
  return {
    policy: {
      agents: new Map(found.map(({ agent }) => [agent.name, agent])),
      approvers,
      ...(hook?.as === 'object' ? { hook: { ...noHookRules, ...evaluateKeys(hook, plainly(source)).known } } : {}),
    },
    lines: found.flatMap((each) => each.lines),
    rules: found.flatMap((each) => each.rules),
    owners,
    channels,
    reveals,
  };
}

interface ReadAgent {
  readonly agent: AgentPolicy;
  readonly lines: readonly PolicyLine[];
  readonly tokens: readonly (readonly [AgentToken, Range])[];
  readonly rules: readonly WrittenRule[];
}

function readAgent(name: string, value: ObjectValue, source: Source): ReadAgent {
  const { report } = source;
  if (name === 'unknown' || name === 'local')
    report(value.range, `no agent may be named "${name}"`, 'the audit trail uses this word: choose another');
  const { known } = evaluateKeys(value, plainly(source));
  const found: WrittenAgent = known;
  const lines = lists.flatMap((list) => linesOf(name, list, value.entries.get(list), report));
  const patterns = (wanted: PolicyLine['list']): Pattern[] =>
    lines.flatMap(({ list, text, range }) =>
      list === wanted ? [{ text, location: shortLocation(range, source) }] : [],
    );
  const tokens = tokensOf(value.entries.get('tokens'), source);
  for (const key of ['tokens', 'trust'] as const) {
    const proof = name === scheduleAgent ? value.entries.get(key) : undefined;
    if (proof !== undefined)
      report(
        proof.range,
        `nothing proves agent "${name}"`,
        'it is the broker itself, which runs flows that have a schedule',
      );
  }
  const approve = value.entries.get('approve');
  const rules = (approve?.as === 'list' ? approve.items : []).flatMap((item) =>
    item.as === 'object' ? (readApproveRule(item, source, name) ?? []) : [],
  );
  const vaultPaths = vaultPathsOf(found['vault-paths'] ?? [], value.entries.get('vault-paths'), source);
  const agent: AgentPolicy = {
    name,
    tokens: tokens.map(([token]) => token),
    trust: readTrust(found.trust ?? [], value.entries.get('trust'), source),
    allow: patterns('allow'),
    flows: patterns('flows'),
    deny: patterns('deny'),
    maxTtl: parseDuration(found['max-ttl'] ?? ''),
    rate: parseRate(found.rate ?? ''),
    ...(found['require-run'] === undefined ? {} : { requireRun: true }),
    requireReason: found['require-reason'] === true,
    ...(rules.length === 0 ? {} : { approve: rules.map(({ rule }) => rule) }),
    ...(vaultPaths.length === 0 ? {} : { vaultPaths }),
  };
  return { agent, lines, tokens, rules };
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

function vaultPathsOf(
  found: NonNullable<WrittenAgent['vault-paths']>,
  value: Value | undefined,
  source: Source,
): VaultPathRule[] {
  const items = value?.as === 'list' ? value.items : [];
  return found.flatMap(({ path: text, can }, index) => {
    const item = items[index];
    // of what is not there it was told
    if (item?.as !== 'object' || text === undefined || can === undefined) return [];
    const read = readVaultPath(text, can);
    if (!('problem' in read)) return [{ text, location: shortLocation(item.range, source), can, ...read }];
    source.report(valueAt(item, 'path').range, read.problem, read.hint);
    return [];
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

/** Epoch milliseconds of an RFC 3339 time (section 5.6); undefined where it is none, or no day of the calendar. */
export function instant(text: unknown): number | undefined {
  if (typeof text !== 'string') return undefined;
  const parts = /^(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/.exec(text);
  const day = Date.parse(`${parts?.[1] ?? ''}T00:00:00Z`);
  if (Number.isNaN(day) || new Date(day).toISOString().slice(0, 10) !== parts?.[1]) return undefined;
  const found = Date.parse(text);
  return Number.isNaN(found) ? undefined : found;
}
