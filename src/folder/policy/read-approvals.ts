import { basename } from 'node:path';
import { canonical } from '../../foundation/canonical-json.ts';
import { parseDuration } from '../../foundation/duration.ts';
import { evaluateKeys } from '../../language/evaluate.ts';
import type { InputOf } from '../../language/forms.ts';
import type { Range, Source } from '../../language/problems.ts';
import { valueAt, type ObjectValue, type Value } from '../../language/compiled-values.ts';
import type { approveKeys, approverKeys } from './approve-keys.ts';
import type { Approver, ApproveRule, Passkey, Pattern } from './policy.ts';
import { readTrust } from './read-trust.ts';

/** seconds */
const longestWait = 86_400;
const longestLife = 12 * 3_600;
const usualLife = { call: 600, run: 8 * 3_600, session: 8 * 3_600 } as const;

const noExpressions = { problem: 'expressions are not taken here', hint: 'write the value' };

/** A rule of `approve:` with the places of its lines, for the checks against other files. */
export interface WrittenRule {
  readonly rule: ApproveRule;
  /** the agent that it is a rule of; undefined: a flow's own */
  readonly agent: string | undefined;
  readonly value: ObjectValue;
}

/** One rule, of an agent or a flow; undefined where so much of it is wrong that there is none. */
export function readApproveRule(
  value: ObjectValue,
  source: Source,
  agent: string | undefined,
): WrittenRule | undefined {
  const { report } = source;
  const { known } = evaluateKeys(value, { resolve: () => noExpressions, report, partial: true });
  const { names = [], flows = [], by = [], ...found } = known as Partial<InputOf<typeof approveKeys>>;
  if (agent !== undefined && !value.given.has('names') && !value.given.has('flows'))
    report(value.range, 'the rule is about nothing', 'write names: [SECRET] or flows: [FLOW] into it');
  const { scope = 'call', needs = 1, uses, self = false } = found;
  if (scope === 'call' && uses !== undefined)
    report(valueAt(value, 'uses').range, 'an approval for a call is good for one', 'leave uses: out, or scope: run');
  const people = [...new Set(by)];
  if (value.entries.has('by') && people.length > 0 && needs > people.length)
    report(
      valueAt(value, 'needs').range,
      `it needs ${needs} people, and ${people.length} may approve`,
      'name more under by:, or need fewer',
    );
  const wait = seconds(value, 'wait', found.wait ?? '10m', longestWait, source);
  const expires =
    found.expires === undefined ? usualLife[scope] : seconds(value, 'expires', found.expires, longestLife, source);
  if (people.length === 0) return undefined;
  const facts = { scope, by: people.toSorted(), needs, wait, expires, uses, self };
  const rule: ApproveRule = {
    ...facts,
    names: patternsOf(value.entries.get('names'), source),
    flows: patternsOf(value.entries.get('flows'), source),
    text: canonical({ names, flows, ...facts }),
    location: shortLocation(value.range, source),
  };
  return { rule, agent, value };
}

function seconds(value: ObjectValue, key: string, text: string, most: number, { report }: Source): number {
  const found = parseDuration(text) ?? 0;
  if (found > most) report(valueAt(value, key).range, `"${key}" is at most ${most / 3_600}h`, 'shorten it');
  return found;
}

function patternsOf(value: Value | undefined, source: Source): readonly Pattern[] {
  if (value?.as !== 'list') return [];
  return value.items.flatMap((item) =>
    item.as === 'literal' && typeof item.value === 'string'
      ? [{ text: item.value, location: shortLocation(item.range, source) }]
      : [],
  );
}

interface WrittenName {
  readonly text: string;
  readonly range: Range;
}

/** Who approves, with the places of what of other files they name. */
export interface WrittenApprovers {
  readonly approvers: ReadonlyMap<string, Approver>;
  readonly owners: readonly WrittenName[];
  /** channels by which they are told */
  readonly channels: readonly WrittenName[];
  /** flows that they may reveal */
  readonly reveals: readonly WrittenName[];
}

/** Who approves, from `approvers:`. A key proves one person. */
export function readApprovers(value: Value | undefined, source: Source): WrittenApprovers {
  const entries = value?.as === 'mapping' ? value.entries : [];
  const owners = new Map<string, string>();
  const found = entries.flatMap(([name, each]): [string, Approver][] => {
    if (each.as !== 'object') return [];
    if (name === 'unknown' || name === 'local')
      source.report(each.range, `no approver may be named "${name}"`, 'the audit trail uses this word: choose another');
    return [[name, readApprover(name, each, source, owners)]];
  });
  const named = (key: 'owner-of' | 'notify' | 'reveal'): WrittenName[] =>
    entries.flatMap(([, each]) => {
      const list = each.as === 'object' ? each.entries.get(key) : undefined;
      return (list?.as === 'list' ? list.items : []).flatMap(({ range, ...item }) =>
        item.as === 'literal' && typeof item.value === 'string' ? [{ text: item.value, range }] : [],
      );
    });
  return {
    approvers: new Map(found),
    owners: named('owner-of'),
    channels: named('notify'),
    reveals: named('reveal'),
  };
}

function readApprover(name: string, value: ObjectValue, source: Source, owners: Map<string, string>): Approver {
  const { known } = evaluateKeys(value, { resolve: () => noExpressions, report: source.report, partial: true });
  const found = known as Partial<InputOf<typeof approverKeys>>;
  const { passkeys: written = [], 'owner-of': ownerOf = [], trust = [], notify = [] } = found;
  const list = value.entries.get('passkeys');
  const items = list?.as === 'list' ? list.items : [];
  const passkeys = written.map(({ id, 'public-key': publicKey, algorithm, synced, added }, index): Passkey => {
    const item = items[index] ?? value;
    const owner = owners.get(id);
    if (owner !== undefined)
      source.report(
        valueAt(item, 'id').range,
        `this passkey is ${owner === name ? 'here twice' : `also that of "${owner}"`}`,
        'each person enrols their own: flows approvers add',
      );
    owners.set(id, name);
    if (id !== undefined && publicKey !== undefined && !isKeyOf(publicKey, algorithm))
      source.report(
        valueAt(item, 'public-key').range,
        `this is no public key for ${algorithm}`,
        'leave it as it was enrolled, or enrol it anew: flows approvers add',
      );
    return { id, publicKey, algorithm, synced, added };
  });
  const places = readTrust(trust, value.entries.get('trust'), source, name);
  const reveal = patternsOf(value.entries.get('reveal'), source);
  return { name, passkeys, trust: places, ownerOf, notify, ...(reveal.length > 0 && { reveal }) };
}

const keyTypes = { ES256: 'ec', EdDSA: 'ed25519', RS256: 'rsa' } as const;

function isKeyOf(spki: string, algorithm: keyof typeof keyTypes): boolean {
  try {
    // loaded where there is a passkey
    const { createPublicKey } = process.getBuiltinModule('node:crypto');
    const key = createPublicKey({ key: Buffer.from(spki, 'base64url'), format: 'der', type: 'spki' });
    return key.asymmetricKeyType === keyTypes[algorithm];
  } catch {
    return false;
  }
}

/** `policy.yaml:7:13`, without the folder. */
export function shortLocation(range: Range, source: Source): string {
  return source.location(range).slice(source.file.length - basename(source.file).length);
}
