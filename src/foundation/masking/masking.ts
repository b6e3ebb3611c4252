import { type Automaton, createAutomaton } from './automaton.ts';
import { type NamedValue, type Pattern, beginsToken, endsToken, patternsOf, sight } from './patterns.ts';
import { type Budget, type Sampling, createSampling, fewest } from './sampling.ts';

export interface MaskingOptions {
  /** what stands where a value stood; default: its name in brackets */
  readonly mask?: string | undefined;
  /** also values that are too short or too common to be masked unless one insists */
  readonly insist?: boolean | undefined;
}

/** What is known of the values that are to be seen nowhere. */
export interface Masking {
  /** names of the values that are not masked: shorter than four bytes, or a common word */
  readonly left: readonly string[];
  /** For one output, from its beginning to its end. */
  stream(): MaskedStream;
  /** A text that is there as a whole. */
  text(text: string): string;
}

/**
 * Bytes in, bytes out. What comes out does not depend on how the bytes were cut. What may be the beginning of a value is
 * kept until it is told from one.
 */
export interface MaskedStream {
  /** What may be shown now, in parts; they share the memory of the chunk. */
  write(chunk: Buffer): readonly Buffer[];
  /** What may be shown when nothing came for a while: up to three bytes that happen to begin a value. */
  pause(): readonly Buffer[];
  /** The rest, where nothing follows: the beginning of a value is masked from eight bytes on. */
  end(): readonly Buffer[];
}

/** A value that was found. */
interface Match {
  readonly pattern: Pattern;
  readonly start: number;
  readonly end: number;
}

/** bytes of a value that tell it */
const telling = 8;
/** bytes that are shown after a while although they begin a value */
const harmless = 3;
/** bytes that are read one by one before sampling is tried again */
const slowly = 1 << 20;
/** comparisons that sampling may make for each byte, and for how many bytes it may save them up */
const [perByte, saved] = [8, 1 << 17];

/**
 * Hides values in whatever a program writes, in each form in which they travel. It stops accidents: what was compressed,
 * encrypted, cut up or spelled otherwise by one who means to leak it is not found.
 * @example
 * const stream = createMasking([{ name: 'API_KEY', value: new Secret('hunter2hunter2') }]).stream();
 * Buffer.concat([...stream.write(Buffer.from('key=hunter2hun')), ...stream.write(Buffer.from('ter2\n'))]);
 * // key=[API_KEY]\n
 */
export function createMasking(values: readonly NamedValue[], { mask, insist = false }: MaskingOptions = {}): Masking {
  const { all, left } = patternsOf(values, insist);
  const shortest = all.reduce((least, { bytes }) => Math.min(least, bytes.length), Infinity);
  const sampling = all.length > 0 && shortest >= fewest ? createSampling(all) : undefined;
  let automaton: Automaton | undefined;
  const known: Known = {
    patterns: all,
    before: all.some(({ short }) => short) ? sight : 0,
    harmless: Math.min(harmless, shortest - 1),
    sampling,
    automaton: () => (automaton ??= createAutomaton(all)),
    maskOf: ({ name }) => Buffer.from(mask ?? `[${name}]`),
  };
  const stream = () => (all.length === 0 ? asItIs : maskedStream(known));
  return {
    left,
    stream,
    text(text) {
      const one = stream();
      return Buffer.concat([...one.write(Buffer.from(text)), ...one.end()]).toString();
    },
  };
}

/** What the streams of one masking share. */
interface Known {
  readonly patterns: readonly Pattern[];
  /** bytes that are kept to see whether a token begins */
  readonly before: number;
  readonly harmless: number;
  readonly sampling: Sampling | undefined;
  /** made when it is first needed */
  readonly automaton: () => Automaton;
  readonly maskOf: (pattern: Pattern) => Buffer;
}

const asItIs: MaskedStream = { write: (chunk) => [chunk], pause: () => [], end: () => [] };

function maskedStream({ patterns, before, harmless, sampling, automaton, maskOf }: Known): MaskedStream {
  /** what is undecided, behind bytes that are done with */
  let rest: Buffer = Buffer.alloc(0);
  /** where in it the undecided begins: whatever starts before it is found */
  let from = 0;
  /** where in it the bytes begin that are neither shown nor masked */
  let done = 0;
  /** where in it the last mask ends; what touches it is the same mask */
  let masked = -1;

  const budget: Budget = { left: saved };
  /** bytes that are still to be read one by one */
  let slow = sampling === undefined ? Infinity : 0;
  /** where the automaton stands, and up to which byte of the rest it has read */
  let [state, read] = [0, 0];
  /** what it found from `from` on */
  let found: Match[] = [];

  /** Finds what is in the data and shows what is decided; `rest` is the end of the data then. */
  function look(data: Buffer, last: boolean): readonly Buffer[] {
    const waiting: Match[] = [];
    let undecided = data.length;
    const consider = (pattern: Pattern, start: number) => {
      const end = start + pattern.bytes.length;
      if (pattern.short) {
        if (!beginsToken(data, start)) return;
        if (end === data.length && !last) undecided = Math.min(undecided, start);
        else if (!endsToken(data, end)) return;
      }
      waiting.push({ pattern, start, end });
    };
    const held = slow > 0 ? undefined : sampling?.scan(data, from, budget, consider);
    if (held === undefined) {
      if (slow === 0) [slow, state, read, found] = [slowly, 0, from, []];
      waiting.length = 0;
      undecided = data.length;
      for (const { pattern, start } of found) consider(pattern, start);
      state = automaton().scan(data, read, state, consider);
      slow = Math.max(0, slow - (data.length - read));
      read = data.length;
      undecided = Math.min(undecided, data.length - automaton().depthOf(state));
      if (slow === 0) budget.left = saved;
    } else undecided = Math.min(undecided, held);
    if (last) {
      const cut = data.subarray(undecided);
      const pattern = cut.length < telling ? undefined : patterns.find((each) => begins(each, cut));
      if (pattern !== undefined) waiting.push({ pattern, start: undecided, end: data.length });
      undecided = data.length;
    }
    found = waiting.filter(({ start }) => start >= undecided);
    return show(data, undecided, waiting);
  }

  function show(data: Buffer, to: number, matches: readonly Match[]): readonly Buffer[] {
    const parts: Buffer[] = [];
    // where several begin the longest gives its name
    const sorted = matches.toSorted((one, other) => one.start - other.start || other.end - one.end);
    for (const { pattern, start, end } of sorted) {
      if (start >= to) break;
      if (end <= done) continue;
      if (start > masked || done > masked) {
        if (done < start) parts.push(data.subarray(done, start));
        parts.push(maskOf(pattern));
      }
      masked = done = end;
    }
    if (done < to) parts.push(data.subarray(done, to));
    done = Math.max(done, to);

    const gone = Math.max(0, to - before);
    rest = data.subarray(gone);
    from = to - gone;
    done -= gone;
    masked = Math.max(-1, masked - gone);
    read -= gone;
    found = found.map(({ pattern, start, end }) => ({ pattern, start: start - gone, end: end - gone }));
    return parts;
  }

  return {
    write(chunk) {
      budget.left = Math.min(budget.left, perByte * saved) + perByte * chunk.length;
      const parts: Buffer[] = [];
      let taken = 0;
      // only as much is joined as decides what was kept; the rest is looked at where it is
      while (taken < chunk.length && rest.length > taken) {
        const more = chunk.subarray(taken, taken + Math.max(512, rest.length));
        taken += more.length;
        parts.push(...look(Buffer.concat([rest, more]), false));
      }
      if (taken < chunk.length) parts.push(...look(chunk.subarray(taken - rest.length), false));
      // the chunk is the caller's
      rest = Buffer.from(rest);
      return parts;
    },
    pause() {
      if (rest.length - from > harmless || done >= rest.length) return [];
      const shown = rest.subarray(done);
      done = rest.length;
      return [shown];
    },
    end: () => look(rest, true),
  };
}

function begins({ bytes }: Pattern, cut: Buffer): boolean {
  return bytes.length > cut.length && bytes.compare(cut, 0, cut.length, 0, cut.length) === 0;
}
