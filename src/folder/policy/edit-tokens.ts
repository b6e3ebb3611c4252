import {
  type Document,
  isMap,
  isScalar,
  isSeq,
  parseDocument,
  type Node,
  type Scalar,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import { canonical } from '../../foundation/canonical-json.ts';
import { FlowError } from '../../foundation/errors.ts';
import { createSource } from '../../language/problems.ts';
import { readYaml } from '../../language/yaml.ts';
import { readPolicy } from './read-policy.ts';
import type { AgentPolicy, AgentToken, Policy } from './policy.ts';

const opening = `# yaml-language-server: $schema=.schema/policy.schema.json
default: deny
agents:
`;

/**
 * The text of policy.yaml in which an agent has these tokens and no others; the agent is made where there is none. All
 * else stays as it is written, comments and layout too: only the tokens' own characters are put in or taken out, and
 * what comes of it is read again and compared.
 * @param text undefined where there is no file yet
 * @throws FlowError invalid, where the text is no policy
 */
export function withTokens(text: string | undefined, agent: string, tokens: readonly AgentToken[]): string {
  if (text === undefined) return `${opening}  ${agent}:\n    tokens: ${listOf(tokens)}\n`;
  const before = policyOf(text);
  if (before === undefined) throw unreadable();
  const wanted = expected(before, agent, tokens);
  for (const edit of [spliced, rewritten]) {
    const found = edit(text, agent, tokens);
    const after = found === undefined ? undefined : policyOf(found);
    if (found !== undefined && after !== undefined && facts(after) === wanted) return found;
  }
  throw new FlowError('internal', 'policy.yaml could not be edited without changing more than the tokens', {
    hint: `write them yourself: tokens: ${listOf(tokens)}`,
  });
}

function unreadable(): FlowError {
  return new FlowError('invalid', 'policy.yaml has problems', { hint: 'run `flows check`' });
}

function policyOf(text: string): Policy | undefined {
  const source = createSource('policy.yaml', text);
  const root = readYaml(source);
  const policy = root === undefined ? undefined : readPolicy(root, source).policy;
  return source.problems.length > 0 ? undefined : policy;
}

/** All that a policy says, whatever stands where. */
function facts({ agents, approvers = new Map() }: Policy): string {
  const all = [...agents].map(([name, agent]) => [name, { ...agent, ...texts(agent) }] as const);
  return canonical([Object.fromEntries(all), approvers]);
}

function texts({ allow, flows, deny, approve }: AgentPolicy) {
  const bare = (patterns: readonly { readonly text: string }[] = []) => patterns.map(({ text }) => text);
  return { allow: bare(allow), flows: bare(flows), deny: bare(deny), approve: bare(approve) };
}

function expected({ agents, approvers }: Policy, name: string, tokens: readonly AgentToken[]): string {
  const nobody: AgentPolicy = {
    name,
    tokens: [],
    trust: [],
    allow: [],
    flows: [],
    deny: [],
    maxTtl: undefined,
    rate: undefined,
    requireReason: false,
  };
  const written = tokens.map(({ sha256, issued, expires }) => ({
    sha256,
    ...(issued === undefined ? {} : { issued }),
    expires,
  }));
  const agent = { ...(agents.get(name) ?? nobody), tokens: written };
  return facts({ agents: new Map([...agents, [name, agent]]), approvers });
}

function itemOf({ sha256, issued, expires }: AgentToken): string {
  const times = Object.entries({ issued, expires }).flatMap(([key, at]) =>
    at === undefined ? [] : [`${key}: ${timeText(at)}`],
  );
  return times.length === 0 ? `'sha256:${sha256}'` : `{ sha256: '${sha256}', ${times.join(', ')} }`;
}

function timeText(time: number): string {
  return new Date(time).toISOString().replace('.000Z', 'Z');
}

function listOf(tokens: readonly AgentToken[]): string {
  return `[${tokens.map(itemOf).join(', ')}]`;
}

interface Splice {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** The text with as little changed as can be; undefined where the layout is one that this does not know. */
function spliced(text: string, agent: string, tokens: readonly AgentToken[]): string | undefined {
  const splices = splicesFor(text, agent, tokens);
  return splices
    ?.toSorted((a, b) => b.start - a.start)
    .reduce((edited, { start, end, text: put }) => edited.slice(0, start) + put + edited.slice(end), text);
}

function splicesFor(text: string, agent: string, tokens: readonly AgentToken[]): readonly Splice[] | undefined {
  const agents = valueOf(parsed(text).contents, 'agents');
  if (!isMap(agents)) return undefined;
  const eol = text.includes('\r\n') ? '\r\n' : '\n';
  const rules = valueOf(agents, agent);
  if (rules === undefined) return added(text, agents, agent, tokens, eol);
  if (!isMap(rules)) return undefined;
  const list = valueOf(rules, 'tokens');
  if (list === undefined) {
    const first = keyOf(rules);
    if (first === undefined) return undefined;
    const between = rules.flow === true ? ', ' : `${eol}${' '.repeat(columnOf(text, first))}`;
    return [{ start: first, end: first, text: `tokens: ${listOf(tokens)}${between}` }];
  }
  if (!isSeq(list)) return undefined;
  return list.flow === true ? inline(text, list, tokens) : lines(text, colonOf(text, rules), list, tokens, eol);
}

/** A new agent after the last one. */
function added(text: string, agents: YAMLMap, agent: string, tokens: readonly AgentToken[], eol: string) {
  const first = keyOf(agents);
  if (agents.flow === true || first === undefined) return undefined;
  const indent = ' '.repeat(columnOf(text, first));
  const at = endOfLine(text, lastOf(agents));
  return [{ start: at, end: at, text: `${eol}${indent}${agent}:${eol}${indent}  tokens: ${listOf(tokens)}` }];
}

/** `[a, b]`: the whole list anew, its kept items as they are written. */
function inline(text: string, list: YAMLSeq, tokens: readonly AgentToken[]): readonly Splice[] | undefined {
  const [start, end] = list.range ?? [0, 0];
  if (text.slice(start, end).includes('#')) return undefined;
  const written = sources(text, list);
  const items = tokens.map((token) => written.get(token.sha256)?.text ?? itemOf(token));
  return [{ start, end, text: `[${items.join(', ')}]` }];
}

/** One token a line: only whole lines go and come. */
function lines(text: string, colon: number, list: YAMLSeq, tokens: readonly AgentToken[], eol: string) {
  const written = sources(text, list);
  const kept = new Set(tokens.map(({ sha256 }) => sha256));
  const last = [...written.values()].at(-1);
  if (last === undefined) return undefined;
  const gone = [...written]
    .filter(([sha256]) => !kept.has(sha256))
    .map(([, { start, end }]) => {
      const from = text.lastIndexOf('\n', start - 1) + 1;
      return { start: from, end: Math.min(text.length, endOfLine(text, end) + eol.length), text: '' };
    });
  const from = text.lastIndexOf('\n', last.start - 1) + 1;
  const dash = text.slice(from, last.start);
  if (!/^ *- +$/.test(dash)) return undefined;
  // nothing but the key would be no list
  if (tokens.length === 0) return [...gone, { start: colon + 1, end: colon + 1, text: ' []' }];
  const come = tokens.filter(({ sha256 }) => !written.has(sha256)).map((token) => `${dash}${itemOf(token)}${eol}`);
  const at = Math.min(text.length, endOfLine(text, last.end) + eol.length);
  return [...gone, { start: at, end: at, text: come.join('') }];
}

/** Each token of a list as it is written. */
function sources(text: string, list: YAMLSeq): ReadonlyMap<string, { text: string; start: number; end: number }> {
  const found = list.items.flatMap((item) => {
    const range = (item as Node).range;
    if (range === undefined || range === null) return [];
    const [start, end] = range;
    return [[hashOf(item), { text: text.slice(start, end), start, end }] as const];
  });
  return new Map(found);
}

function hashOf(item: unknown): string {
  const hash = isMap(item) ? valueOf(item, 'sha256') : item;
  return isScalar(hash) ? String(hash.value).replace(/^sha256:/, '') : '';
}

/** The text as the library writes it: comments stay, the layout may not. */
function rewritten(text: string, agent: string, tokens: readonly AgentToken[]): string {
  const document = parsed(text);
  const path = ['agents', agent, 'tokens'];
  if (!isMap(document.get('agents'))) document.set('agents', document.createNode({}));
  if (!isMap(document.getIn(['agents', agent]))) document.setIn(['agents', agent], document.createNode({}));
  const list = document.getIn(path);
  const fresh = parsed(listOf(tokens)).contents;
  if (!isSeq(list) || !isSeq(fresh)) document.setIn(path, fresh);
  else {
    // the items that stay bring their comments
    const byHash = new Map(list.items.map((item) => [hashOf(item), item]));
    list.items = fresh.items.map((item) => byHash.get(hashOf(item)) ?? item);
  }
  return document.toString({ lineWidth: 0 });
}

function parsed(text: string): Document.Parsed {
  return parseDocument(text, { version: '1.2', logLevel: 'error' });
}

function valueOf(node: unknown, key: string): Node | undefined {
  if (!isMap(node)) return undefined;
  const pair = node.items.find((each) => isScalar(each.key) && each.key.value === key);
  return (pair?.value as Node | null | undefined) ?? undefined;
}

/** Where the colon after an agent's `tokens` is. */
function colonOf(text: string, rules: YAMLMap): number {
  const pair = rules.items.find((each) => isScalar(each.key) && each.key.value === 'tokens');
  return text.indexOf(':', (pair?.key as Scalar | undefined)?.range?.[1] ?? 0);
}

/** Where the first key of a mapping begins. */
function keyOf(map: YAMLMap): number | undefined {
  return (map.items[0]?.key as Scalar | undefined)?.range?.[0];
}

/** Where the last value of a mapping ends: a block's own range goes on over the comments after it. */
function lastOf(node: Node | null | undefined): number {
  if (isMap(node) && node.flow !== true && node.items.length > 0) {
    const last = node.items.at(-1);
    return Math.max(lastOf(last?.value as Node | null), (last?.key as Node | undefined)?.range?.[1] ?? 0);
  }
  if (isSeq(node) && node.flow !== true && node.items.length > 0) return lastOf(node.items.at(-1) as Node);
  return node?.range?.[1] ?? 0;
}

function columnOf(text: string, at: number): number {
  return at - (text.lastIndexOf('\n', at - 1) + 1);
}

/** The end of the line on which something ends, in front of its line break. */
function endOfLine(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  if (end === -1) return text.length;
  return text[end - 1] === '\r' ? end - 1 : end;
}
