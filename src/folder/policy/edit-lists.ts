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
import { type AgentPolicy, type AgentToken, agentWithoutRights, type Passkey, type Policy } from './policy.ts';

const opening = `# yaml-language-server: $schema=.schema/policy.schema.json
default: deny
`;

/** A list that the command writes, of an agent or an approver: what stands in it, and nothing else. */
interface Listed {
  readonly section: 'agents' | 'approvers';
  readonly name: string;
  readonly key: 'tokens' | 'passkeys';
  /** the key of an item that tells it from the others */
  readonly idKey: 'sha256' | 'id';
  readonly items: readonly { readonly id: string; readonly text: string }[];
}

/**
 * The text of policy.yaml in which an agent has these tokens and no others; the agent is made where there is none. All
 * else stays as it is written, comments and layout too: only the tokens' own characters are put in or taken out, and
 * what comes of it is read again and compared.
 * @param text undefined where there is no file yet
 * @throws FlowError invalid, where the text is no policy
 */
export function withTokens(text: string | undefined, agent: string, tokens: readonly AgentToken[]): string {
  const items = tokens.map((token) => ({ id: token.sha256, text: itemOf(token) }));
  const listed = { section: 'agents', name: agent, key: 'tokens', idKey: 'sha256', items } as const;
  return edited(text, listed, (before) => expected(before, agent, tokens));
}

/** As {@link withTokens}, for the passkeys of an approver. */
export function withPasskeys(text: string | undefined, approver: string, passkeys: readonly Passkey[]): string {
  const items = passkeys.map((passkey) => ({ id: passkey.id, text: passkeyText(passkey) }));
  const listed = { section: 'approvers', name: approver, key: 'passkeys', idKey: 'id', items } as const;
  return edited(text, listed, ({ agents, approvers }) => {
    const known = approvers?.get(approver) ?? { name: approver, passkeys: [], trust: [], ownerOf: [], notify: [] };
    return facts({ agents, approvers: new Map([...(approvers ?? []), [approver, { ...known, passkeys }]]) });
  });
}

function edited(text: string | undefined, listed: Listed, expect: (before: Policy) => string): string {
  const { section, name, key } = listed;
  if (text === undefined) return `${opening}${section}:\n  ${name}:\n    ${key}: ${listOf(listed)}\n`;
  const before = policyOf(text);
  if (before === undefined) throw unreadable();
  const wanted = expect(before);
  for (const edit of [spliced, rewritten]) {
    const found = edit(text, listed);
    const after = found === undefined ? undefined : policyOf(found);
    if (found !== undefined && after !== undefined && facts(after) === wanted) return found;
  }
  throw new FlowError('internal', `policy.yaml could not be edited without changing more than the ${key}`, {
    hint: `write them yourself: ${key}: ${listOf(listed)}`,
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
  const people = [...approvers].map(
    ([name, approver]) => [name, { ...approver, reveal: bare(approver.reveal) }] as const,
  );
  return canonical([Object.fromEntries(all), Object.fromEntries(people)]);
}

const bare = (patterns: readonly { readonly text: string }[] = []) => patterns.map(({ text }) => text);

function texts({ allow, flows, deny, approve }: AgentPolicy) {
  return { allow: bare(allow), flows: bare(flows), deny: bare(deny), approve: bare(approve) };
}

function expected({ agents, approvers }: Policy, name: string, tokens: readonly AgentToken[]): string {
  const written = tokens.map(({ sha256, issued, expires }) => ({
    sha256,
    ...(issued === undefined ? {} : { issued }),
    expires,
  }));
  const agent = { ...(agents.get(name) ?? agentWithoutRights(name)), tokens: written };
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

function passkeyText({ id, publicKey, algorithm, synced, added }: Passkey): string {
  const more = `${synced ? ', synced: true' : ''}${added === undefined ? '' : `, added: ${added}`}`;
  return `{ id: ${quotedId(id)}, public-key: ${publicKey}, algorithm: ${algorithm}${more} }`;
}

/** What would be read as a number, or begins a list, is text. */
function quotedId(id: string): string {
  return /^[A-Za-z][A-Za-z0-9_-]*$/.test(id) ? id : `'${id}'`;
}

function listOf({ items }: Pick<Listed, 'items'>): string {
  return `[${items.map(({ text }) => text).join(', ')}]`;
}

interface Splice {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** The text with as little changed as can be; undefined where the layout is one that this does not know. */
function spliced(text: string, listed: Listed): string | undefined {
  const splices = splicesFor(text, listed);
  return splices
    ?.toSorted((a, b) => b.start - a.start)
    .reduce((edited, { start, end, text: put }) => edited.slice(0, start) + put + edited.slice(end), text);
}

function splicesFor(text: string, listed: Listed): readonly Splice[] | undefined {
  const { section, name, key } = listed;
  const root = parsed(text).contents;
  const entries = valueOf(root, section);
  const eol = text.includes('\r\n') ? '\r\n' : '\n';
  if (entries === undefined) return begun(root, listed, eol);
  if (!isMap(entries)) return undefined;
  const rules = valueOf(entries, name);
  if (rules === undefined) return added(text, entries, listed, eol);
  if (!isMap(rules)) return undefined;
  const list = valueOf(rules, key);
  if (list === undefined) {
    const first = keyOf(rules);
    const [start = 0, end = 0] = rules.range ?? [];
    if (first === undefined) return [{ start, end, text: `{ ${key}: ${listOf(listed)} }` }];
    const between = rules.flow === true ? ', ' : `${eol}${' '.repeat(columnOf(text, first))}`;
    return [{ start: first, end: first, text: `${key}: ${listOf(listed)}${between}` }];
  }
  if (!isSeq(list)) return undefined;
  return list.flow === true ? inline(text, list, listed) : lines(text, colonOf(text, rules, key), list, listed, eol);
}

/** The people stand above the agents: a file that is cut off has them. */
function begun(root: unknown, listed: Listed, eol: string): readonly Splice[] | undefined {
  const pair = isMap(root) ? root.items.find((each) => isScalar(each.key) && each.key.value === 'agents') : undefined;
  const at = (pair?.key as Scalar | undefined)?.range?.[0];
  if (listed.section === 'agents' || at === undefined || (isMap(root) && root.flow === true)) return undefined;
  const { section, name, key } = listed;
  return [{ start: at, end: at, text: `${section}:${eol}  ${name}:${eol}    ${key}: ${listOf(listed)}${eol}` }];
}

/** A new one after the last. */
function added(text: string, entries: YAMLMap, listed: Listed, eol: string) {
  const { name, key } = listed;
  const first = keyOf(entries);
  if (entries.flow === true || first === undefined) return undefined;
  const indent = ' '.repeat(columnOf(text, first));
  const at = endOfLine(text, lastOf(entries));
  return [{ start: at, end: at, text: `${eol}${indent}${name}:${eol}${indent}  ${key}: ${listOf(listed)}` }];
}

/** `[a, b]`: the whole list anew, its kept items as they are written. */
function inline(text: string, list: YAMLSeq, { items: wanted, idKey }: Listed): readonly Splice[] | undefined {
  const [start, end] = list.range ?? [0, 0];
  if (text.slice(start, end).includes('#')) return undefined;
  const written = sources(text, list, idKey);
  const items = wanted.map((each) => written.get(each.id)?.text ?? each.text);
  return [{ start, end, text: `[${items.join(', ')}]` }];
}

/** One a line: only whole lines go and come. */
function lines(text: string, colon: number, list: YAMLSeq, { items, idKey }: Listed, eol: string) {
  const written = sources(text, list, idKey);
  const kept = new Set(items.map(({ id }) => id));
  const last = [...written.values()].at(-1);
  if (last === undefined) return undefined;
  const gone = [...written]
    .filter(([id]) => !kept.has(id))
    .map(([, { start, end }]) => {
      const from = text.lastIndexOf('\n', start - 1) + 1;
      return { start: from, end: Math.min(text.length, endOfLine(text, end) + eol.length), text: '' };
    });
  const from = text.lastIndexOf('\n', last.start - 1) + 1;
  const dash = text.slice(from, last.start);
  if (!/^ *- +$/.test(dash)) return undefined;
  // nothing but the key would be no list
  if (items.length === 0) return [...gone, { start: colon + 1, end: colon + 1, text: ' []' }];
  const come = items.filter(({ id }) => !written.has(id)).map((each) => `${dash}${each.text}${eol}`);
  const at = Math.min(text.length, endOfLine(text, last.end) + eol.length);
  return [...gone, { start: at, end: at, text: come.join('') }];
}

/** Each item of a list as it is written. */
function sources(
  text: string,
  list: YAMLSeq,
  idKey: Listed['idKey'],
): ReadonlyMap<string, { text: string; start: number; end: number }> {
  const found = list.items.flatMap((item) => {
    const range = (item as Node).range;
    if (range === undefined || range === null) return [];
    const [start, end] = range;
    return [[idOf(item, idKey), { text: text.slice(start, end), start, end }] as const];
  });
  return new Map(found);
}

function idOf(item: unknown, idKey: Listed['idKey']): string {
  const hash = isMap(item) ? valueOf(item, idKey) : item;
  return isScalar(hash) ? String(hash.value).replace(/^sha256:/, '') : '';
}

/** The text as the library writes it: comments stay, the layout may not. */
function rewritten(text: string, listed: Listed): string {
  const { section, name, key, idKey } = listed;
  const document = parsed(text);
  const path = [section, name, key];
  if (!isMap(document.get(section))) document.set(section, document.createNode({}));
  if (!isMap(document.getIn([section, name]))) document.setIn([section, name], document.createNode({}));
  const list = document.getIn(path);
  const fresh = parsed(listOf(listed)).contents;
  if (!isSeq(list) || !isSeq(fresh)) document.setIn(path, fresh);
  else {
    // the items that stay bring their comments
    const byId = new Map(list.items.map((item) => [idOf(item, idKey), item]));
    list.items = fresh.items.map((item) => byId.get(idOf(item, idKey)) ?? item);
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

/** Where the colon after a list's key is. */
function colonOf(text: string, rules: YAMLMap, key: string): number {
  const pair = rules.items.find((each) => isScalar(each.key) && each.key.value === key);
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
