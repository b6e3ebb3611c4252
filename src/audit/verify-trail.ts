import { blocksOf } from './line-blocks.ts';
import { type Chain, createChain } from './hmac-chain.ts';
import { endLength, type Link, linkOf, noKey, noMac } from './line-format.ts';
import type { Checkpoint } from './checkpoint-sink.ts';

export type AuditProblemKind =
  /** a line whose MAC does not fit it and the line before */
  | 'changed'
  | 'missing'
  | 'doubled'
  | 'reordered'
  /** not in the form of a line */
  | 'malformed'
  /** a line under a key that was not given, or not under one where there is one, or under the old key after the new */
  | 'key'
  /** lines up to a checkpoint are not there any more */
  | 'cut'
  /** another line stands where a checkpoint was written */
  | 'checkpoint';

export interface AuditProblem {
  readonly kind: AuditProblemKind;
  /** `file:line`; a file alone for what is not there */
  readonly location: string;
  readonly message: string;
}

export interface Verification {
  readonly lines: number;
  /** sequence of the first and the last line; 0 where there is none */
  readonly first: number;
  readonly last: number;
  /** a thousand of them at most; missing lines come last */
  readonly problems: readonly AuditProblem[];
  /** how many there are */
  readonly found: number;
  /** `file:line` of a last line without its end: a power cut leaves that, and the next start moves it aside */
  readonly torn: string | undefined;
  /** the names of the files are not in the order of their lines: another program renamed them */
  readonly misnamed: boolean;
  /** a key was given, and every line is under it */
  readonly keyed: boolean;
  /** checkpoints that were compared with a line that is there */
  readonly checkpoints: number;
}

const mostProblems = 1000;
/** Gaps that are remembered, to tell what was moved from what was doubled. */
const mostGaps = 1000;

/**
 * Reads a trail as a stream and tells what is wrong with it: always for a line that was changed, taken out, doubled or
 * moved; for lines cut off the end, back to the last checkpoint that is given.
 * @param files of one trail, oldest first
 * @param keys the derived `audit` keys, new first; none: a trail that was written without a key
 */
export async function verifyTrail(
  files: readonly string[],
  keys: readonly Uint8Array[],
  checkpoints: readonly Checkpoint[] = [],
): Promise<Verification> {
  const check = createCheck(keys, checkpoints);
  let torn: string | undefined;
  const ordered = await inOrder(files);
  for (const [index, file] of ordered.entries()) {
    let number = 0;
    for await (const { bytes, whole } of blocksOf(file)) {
      let from = 0;
      for (let to = bytes.indexOf(0x0a); to !== -1; to = bytes.indexOf(0x0a, from)) {
        number += 1;
        check.line(bytes, from, to, file, number);
        from = to + 1;
      }
      if (whole) continue;
      if (index === ordered.length - 1) torn = `${file}:${number + 1}`;
      else check.report('malformed', `${file}:${number + 1}`, 'a full file ends in the middle of a line');
    }
  }
  const misnamed = ordered.some((file, index) => file !== files[index]);
  return { ...check.end(ordered.at(-1) ?? ''), torn, misnamed };
}

/** Files by the number of their first line: another program may have renamed them. Those without a line stay last. */
async function inOrder(files: readonly string[]): Promise<readonly string[]> {
  const numbered: { readonly file: string; readonly seq: number }[] = [];
  for (const file of files) numbered.push({ file, seq: await firstNumber(file) });
  if (numbered.some(({ seq }) => Number.isNaN(seq))) return files;
  return numbered.toSorted((a, b) => (a.seq === b.seq ? 0 : a.seq - b.seq)).map(({ file }) => file);
}

async function firstNumber(file: string): Promise<number> {
  for await (const { bytes } of blocksOf(file)) {
    const end = bytes.indexOf(0x0a);
    const link = end === -1 ? undefined : linkOf(bytes, 0, end);
    // where its beginning is not in our form, its name must do
    return link?.seq ?? Number.NaN;
  }
  return Number.POSITIVE_INFINITY;
}

/** Lines of one kind, one after another. */
interface Stretch {
  readonly kind: 'doubled' | 'malformed';
  /** of the trail; of those that are none of it, of the file */
  readonly from: number;
  to: number;
  readonly at: string;
  /** each would be a line of the trail without the CR at its end */
  returns: boolean;
}

function createCheck(keys: readonly Uint8Array[], checkpoints: readonly Checkpoint[]) {
  const chains: readonly Chain[] = keys.length === 0 ? [createChain(undefined)] : keys.map(createChain);
  const stated = new Map<number, Set<string>>();
  for (const { seq, mac } of checkpoints) stated.set(seq, (stated.get(seq) ?? new Set()).add(mac));
  /** sequences that were left out: what turns up later was moved */
  const gaps: { from: number; to: number; readonly at: string }[] = [];
  const problems: AuditProblem[] = [];
  let found = 0;
  /** undefined while lines are under a key that was not given */
  let chain: Chain | undefined = chains[0];
  /** index of its key: it may only fall, from the old key to the new */
  let oldest = chains.length - 1;
  let [lines, first, last, mac] = [0, 0, 0, noMac];
  let compared = 0;
  let stretch: Stretch | undefined;

  function report(kind: AuditProblemKind, location: string, message: string): void {
    found += 1;
    if (problems.length < mostProblems) problems.push({ kind, location, message });
  }

  function line(bytes: Buffer, from: number, to: number, file: string, number: number): void {
    lines += 1;
    const link = linkOf(bytes, from, to);
    if (link === undefined) {
      const returns = bytes[to - 1] === 0x0d && linkOf(bytes, from, to - 1) !== undefined;
      return lengthen('malformed', number, `${file}:${number}`, returns);
    }
    const { seq } = link;
    if (seq <= last) return before(seq, `${file}:${number}`);
    endStretch();
    if (link.key !== undefined) useKey(link.key, `${file}:${number}`);
    let sure = true;
    if (lines === 1 || first === 0) {
      first = seq;
      sure = beginning(link, `${file}:${number}`);
    } else if (seq !== last + 1) {
      const gap = { from: last + 1, to: seq - 1, at: `${file}:${number}` };
      if (gaps.length < mostGaps) gaps.push(gap);
      else missing(gap);
      sure = false;
    }
    if (sure && chain !== undefined && chain.mac(mac, bytes, from, to - endLength) !== link.mac) {
      report('changed', `${file}:${number}`, `line ${seq} is not as it was written, or the one before is not`);
    }
    last = seq;
    ({ mac } = link);
    const marks = stated.get(seq);
    if (marks !== undefined) compare(marks, link, `${file}:${number}`);
  }

  /** Whether the first line can be verified: the trail begins with it, or a checkpoint knows the line before. */
  function beginning({ seq, previous }: Link, at: string): boolean {
    if (seq === 1) return true;
    if (previous === undefined || stated.get(seq - 1)?.has(previous) !== true) {
      report('missing', at, `${those(1, seq - 1)} not here: give the older files too, or their checkpoints`);
    }
    if (previous === undefined) return false;
    mac = previous;
    return true;
  }

  function before(seq: number, at: string): void {
    const gap = gaps.find(({ from, to }) => from <= seq && seq <= to);
    if (gap === undefined) return lengthen('doubled', seq, at);
    report('reordered', at, `line ${seq} comes after line ${last}`);
    if (gap.from < seq && seq < gap.to) gaps.push({ from: seq + 1, to: gap.to, at: gap.at });
    if (gap.from === seq) gap.from += 1;
    else gap.to = seq - 1;
  }

  /** Such lines, one after another, are one finding. */
  function lengthen(kind: Stretch['kind'], number: number, at: string, returns = false): void {
    if (stretch?.kind === kind && number === stretch.to + 1) {
      stretch.to = number;
      stretch.returns &&= returns;
      return;
    }
    endStretch();
    stretch = { kind, from: number, to: number, at, returns };
  }

  function endStretch(): void {
    if (stretch === undefined) return;
    const { kind, from, to, at, returns } = stretch;
    stretch = undefined;
    if (kind === 'doubled') return report(kind, at, `${those(from, to)} here again`);
    const what = from === to ? 'this is no line of a trail' : `lines ${from}–${to} of the file are no lines of a trail`;
    report(kind, at, returns ? `${what}: a program has put CR LF at their ends` : what);
  }

  function useKey(id: string, at: string): void {
    const index = chains.findIndex((each) => each.key === id);
    chain = chains[index];
    if (chain === undefined) {
      const what = id === noKey ? 'without a key' : `under the key ${id}, which was not given`;
      report('key', at, `from here on lines were written ${what}`);
    } else if (index > oldest)
      report('key', at, 'from here on lines were written under the old key, after the new one');
    else oldest = index;
  }

  function compare(marks: ReadonlySet<string>, link: Link, at: string): void {
    compared += 1;
    if (marks.size === 1 && marks.has(link.mac)) return;
    report('checkpoint', at, `line ${link.seq} is another than the one that its checkpoint saw`);
  }

  function missing({ from, to, at }: (typeof gaps)[number]): void {
    report('missing', at, `${those(from, to)} missing before this one`);
  }

  function end(file: string): Omit<Verification, 'torn' | 'misnamed'> {
    endStretch();
    for (const gap of gaps) if (gap.from <= gap.to) missing(gap);
    let furthest = 0;
    for (const seq of stated.keys()) furthest = Math.max(furthest, seq);
    if (furthest > last) report('cut', file, `${those(last + 1, furthest)} missing: a checkpoint saw line ${furthest}`);
    const keyed = keys.length > 0 && lines > 0;
    return { lines, first, last, problems, found, keyed, checkpoints: compared };
  }

  return { line, report, end };
}

const those = (from: number, to: number) => (from === to ? `line ${from} is` : `lines ${from}–${to} are`);
