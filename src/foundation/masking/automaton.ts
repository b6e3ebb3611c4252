// oxlint-disable typescript/no-non-null-assertion -- places of tables that are within them by how they were made
import type { Pattern } from './patterns.ts';

/** Finds patterns in one step a byte, whatever the text: slower than jumping, but never slower than that. */
export interface Automaton {
  /**
   * Tells each pattern by where it starts, once its last byte is read.
   * @param state where it stands: 0, or what the bytes before gave
   */
  scan(data: Buffer, from: number, state: number, found: (pattern: Pattern, start: number) => void): number;
  /** How many of the last bytes are the beginning of a pattern. */
  depthOf(state: number): number;
}

/** states whose next ones are kept for every byte, 1 KiB each; those that the text visits first */
const rows = 4096;

/**
 * Aho and Corasick, "Efficient string matching" (1975). Edges are in a hash table, which costs some 40 bytes a state rather than
 * a KiB; where the text goes often, the step is looked up in rows that are made as it comes by.
 * @param patterns in the order of their bytes
 */
export function createAutomaton(patterns: readonly Pattern[]): Automaton {
  const most = patterns.reduce((sum, { bytes }) => sum + bytes.length, 1);
  const depths = new Int32Array(most);
  const fails = new Int32Array(most);
  // the longest pattern that ends here, and the state of the next shorter one
  const ends = new Int32Array(most).fill(-1);
  const shorter = new Int32Array(most);

  const bits = 32 - Math.clz32(most * 2);
  const keys = new Float64Array(1 << bits).fill(-1);
  const targets = new Int32Array(1 << bits);
  const slotOf = (state: number, byte: number) => {
    const key = state * 256 + byte;
    let slot = Math.imul(state ^ (byte << 23), 0x9e3779b1) >>> (32 - bits);
    while (keys[slot] !== -1 && keys[slot] !== key) slot = (slot + 1) & ((1 << bits) - 1);
    return slot;
  };
  /** The next state by an edge or by the edges of what is left without the first bytes. */
  const after = (from: number, byte: number) => {
    for (let state = from; ; state = fails[state]!) {
      const slot = slotOf(state, byte);
      if (keys[slot] !== -1) return targets[slot]!;
      if (state === 0) return 0;
    }
  };

  // one level after the other: what a state falls back to is never deeper than it
  const reached = new Int32Array(patterns.length);
  let states = 1;
  let alive = patterns.map((_, index) => index);
  for (let depth = 0; alive.length > 0; depth += 1) {
    alive = alive.filter((index) => depth < patterns[index]!.bytes.length);
    for (const index of alive) {
      const { bytes } = patterns[index]!;
      const parent = reached[index]!;
      const slot = slotOf(parent, bytes[depth]!);
      if (keys[slot] === -1) {
        const fail = depth === 0 ? 0 : after(fails[parent]!, bytes[depth]!);
        keys[slot] = parent * 256 + bytes[depth]!;
        targets[slot] = states;
        depths[states] = depth + 1;
        fails[states] = fail;
        shorter[states] = ends[fail] === -1 ? shorter[fail]! : fail;
        states += 1;
      }
      reached[index] = targets[slot]!;
      if (depth + 1 === bytes.length) ends[reached[index]] = index;
    }
  }

  // row 0 stays empty, for states that have none; in rows one more than the next state, negative where a pattern ends there,
  // 0 where it is not known yet
  const rowOf = new Int32Array(states);
  const table = new Int32Array((rows + 1) << 8);
  let used = 0;
  const step = (state: number, byte: number) => {
    const target = after(state, byte);
    if (rowOf[state] === 0 && used < rows) rowOf[state] = used += 1;
    const tells = ends[target] !== -1 || shorter[target] !== 0;
    if (rowOf[state]! > 0) table[(rowOf[state]! << 8) | byte] = tells ? -target - 1 : target + 1;
    return target;
  };

  return {
    scan(data, from, begin, found) {
      let state = begin;
      for (let at = from; at < data.length; at += 1) {
        const known = table[(rowOf[state]! << 8) | data[at]!]!;
        if (known > 0) {
          state = known - 1;
          continue;
        }
        state = known === 0 ? step(state, data[at]!) : -known - 1;
        for (let each = state; each !== 0; each = shorter[each]!) {
          const pattern = patterns[ends[each]!];
          if (pattern !== undefined) found(pattern, at + 1 - pattern.bytes.length);
        }
      }
      return state;
    },
    depthOf: (state) => depths[state]!,
  };
}
