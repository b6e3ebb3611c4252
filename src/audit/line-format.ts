import { FlowError } from '../foundation/errors.ts';
import type { AuditEvent } from './contract.ts';

/** What stands before the first line of a trail, in the place of a MAC. */
export const noMac = '0'.repeat(64);

/** In place of a key's id: chained by plain SHA-256, which shows damage but not who did it. */
export const noKey = 'none';

/** Bytes of a line that are refused: what asks for more is no event. */
export const longestLine = 1024 * 1024;

/** `,"mac":"` + 64 hexadecimal digits + `"}` */
export const endLength = 8 + 64 + 2;

/** The end of a line: what its MAC is computed over stands before it. */
export function endOf(mac: string): string {
  return `,"mac":"${mac}"}`;
}

/**
 * An event as the middle of its line, from `at` on: fields in a fixed order, nothing that the contract does not name.
 * @throws FlowError internal, for one that is longer than any line
 */
export function middleOf(at: string, event: AuditEvent): string {
  // in one piece, and by no list of names: to join a line of its fields costs a third more
  const text = JSON.stringify({
    at,
    agent: event.agent,
    action: event.action,
    what: event.what,
    path: event.path,
    outcome: event.outcome,
    code: event.code,
    source: event.source,
    rule: event.rule,
    approval: event.approval,
    approver: event.approver,
    signed: event.signed,
    evidence: event.evidence,
    jti: event.jti,
    detail: event.detail,
    request: event.request,
    agentRun: event.agentRun,
    run: event.run,
    reason: event.reason,
    address: event.address,
  });
  if (text.length * 3 < longestLine - 1024) return `,${text.slice(1, -1)}`;
  throw new FlowError('internal', 'an audit event is too long', {
    hint: 'bound what is asked for before it is audited',
  });
}

/** The line up to its MAC. @param key the key's id, @param previous MAC of the line before: both at the start of a file */
export function bodyOf(seq: number, middle: string, key: string | undefined, previous: string | undefined): string {
  const keyed = key === undefined ? '' : `,"key":"${key}"`;
  return `{"seq":${seq}${keyed}${previous === undefined ? '' : `,"previous":"${previous}"`}${middle}`;
}

/** What the chain needs of a line; all of it is bytes that this program writes in one way only. */
export interface Link {
  readonly seq: number;
  readonly mac: string;
  /** id of the key from here on */
  readonly key: string | undefined;
  /** MAC of the line before, on the first line of a file */
  readonly previous: string | undefined;
}

const opening = Buffer.from('{"seq":');
const closing = Buffer.from(',"mac":"');
const start = /^\{"seq":[1-9]\d{0,15}(?:,"key":"([0-9a-f]{16}|none)")?(?:,"previous":"([0-9a-f]{64})")?,"at":"/;

/** A line without its line break; undefined where it is not in our form. */
export function linkOf(bytes: Buffer, from: number, to: number): Link | undefined {
  const end = to - endLength;
  if (end < from + 16 || bytes[to - 1] !== 0x7d || bytes[to - 2] !== 0x22) return undefined;
  if (bytes.compare(opening, 0, 7, from, from + 7) !== 0 || bytes.compare(closing, 0, 8, end, end + 8) !== 0) {
    return undefined;
  }
  let seq = 0;
  let at = from + 7;
  for (; at < from + 23; at += 1) {
    const digit = (bytes[at] ?? 0) - 48;
    if (digit < 0 || digit > 9) break;
    seq = seq * 10 + digit;
  }
  // the next one could not be told from it
  if (seq >= Number.MAX_SAFE_INTEGER) return undefined;
  const mac = bytes.toString('latin1', end + 8, to - 2);
  // `,"at"`: the usual line, which has nothing more that the chain needs
  if (bytes[at] === 0x2c && bytes[at + 2] === 0x61) return { seq, mac, key: undefined, previous: undefined };
  const found = start.exec(bytes.toString('latin1', from, Math.min(to, from + 160)));
  return found === null ? undefined : { seq, mac, key: found[1], previous: found[2] };
}
