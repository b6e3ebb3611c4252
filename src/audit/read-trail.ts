import { blocksOf } from './line-blocks.ts';
import type { AuditEvent } from './contract.ts';

/** An event as it stands on a trail. */
export interface AuditLine extends AuditEvent {
  readonly seq: number;
  /** ISO 8601 */
  readonly at: string;
}

/** What is wanted; all of it must hold. */
export interface AuditFilter {
  readonly agent?: string | undefined;
  readonly action?: string | undefined;
  /** it is one of these */
  readonly actions?: ReadonlySet<string> | undefined;
  readonly outcome?: string | undefined;
  readonly request?: string | undefined;
  readonly run?: string | undefined;
  readonly agentRun?: string | undefined;
  readonly approval?: string | undefined;
  /** of one of the tokens that it got or used */
  readonly jti?: string | undefined;
  /** one of the names that it is about */
  readonly name?: string | undefined;
  /** epoch milliseconds: not before this, not after that */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
}

/** The events of a trail that a filter lets through, as a stream. @param files oldest first */
export async function* readTrail(files: readonly string[], filter: AuditFilter = {}): AsyncGenerator<AuditLine> {
  for (const file of files) {
    for await (const { bytes } of blocksOf(file)) {
      let from = 0;
      for (let to = bytes.indexOf(0x0a); to !== -1; to = bytes.indexOf(0x0a, from)) {
        const line = lineIn(bytes.toString('utf8', from, to));
        if (line !== undefined && fits(line, filter)) yield line;
        from = to + 1;
      }
    }
  }
}

/** Streams of several trails as one, in the order of time. */
export async function* inTime(streams: readonly AsyncGenerator<AuditLine>[]): AsyncGenerator<AuditLine> {
  const heads = await Promise.all(streams.map(async (stream) => ({ stream, line: await next(stream) })));
  for (;;) {
    let first: (typeof heads)[number] | undefined;
    for (const head of heads) {
      if (head.line === undefined || (first?.line !== undefined && first.line.at <= head.line.at)) continue;
      first = head;
    }
    if (first?.line === undefined) return;
    yield first.line;
    first.line = await next(first.stream);
  }
}

async function next(stream: AsyncGenerator<AuditLine>): Promise<AuditLine | undefined> {
  const { value, done } = await stream.next();
  return done === true ? undefined : value;
}

/** Whatever is not an event is passed over: the verifier tells about it. */
export function lineIn(text: string): AuditLine | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { seq, at, agent, action, what, outcome, request } = value as Readonly<Record<string, unknown>>;
  const texts = [at, agent, action, outcome, request];
  if (typeof seq !== 'number' || !texts.every((each) => typeof each === 'string') || !Array.isArray(what)) {
    return undefined;
  }
  return value as AuditLine;
}

/** Fields that are equal to what is wanted. */
const exact = ['agent', 'action', 'outcome', 'request', 'run', 'agentRun', 'approval'] as const;

/** Whether a filter lets an event through. */
export function fits(line: AuditLine, filter: AuditFilter): boolean {
  if (exact.some((field) => filter[field] !== undefined && line[field] !== filter[field])) return false;
  const { since, until, name, jti, actions } = filter;
  if (actions?.has(line.action) === false) return false;
  if (name !== undefined && !line.what.includes(name)) return false;
  if (jti !== undefined && !(Array.isArray(line.jti) && line.jti.includes(jti))) return false;
  if (since === undefined && until === undefined) return true;
  const at = Date.parse(line.at);
  return at >= (since ?? -Infinity) && at <= (until ?? Infinity);
}

/** Whether a text may have a line that one of these filters lets through: to parse it takes ten times as long as this look. */
export function mayFit(filters: readonly AuditFilter[]): (text: string) => boolean {
  const name = anyOf(filters.map(({ name: each }) => (each === undefined ? undefined : [each])));
  const action = anyOf(filters.map((each) => (each.action === undefined ? each.actions : [each.action])));
  return (text) => name.test(text) && action.test(text);
}

/** A pattern for one of these values as a line has them, all of them in one go; undefined: whatever it is. */
function anyOf(values: readonly (Iterable<string> | undefined)[]): RegExp {
  if (values.includes(undefined)) return /(?:)/;
  const written = values.flatMap((each) => [...(each ?? [])]).map((each) => RegExp.escape(JSON.stringify(each)));
  return new RegExp(written.join('|'));
}
