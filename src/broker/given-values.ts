import { patternsOf } from '../foundation/masking/patterns.ts';
import type { Secret } from '../foundation/secret.ts';
import { createValuePrints, type Print, type PrintIndex, type ValuePrints } from '../foundation/value-prints.ts';

/** A value that was given out. */
export interface GivenValue {
  /** the name by which it was asked for */
  readonly name: string;
  readonly kind: 'secret' | 'flow';
  readonly value: Secret;
}

/** A value that was given, in a text. */
export interface FoundValue {
  readonly name: string;
  readonly kind: GivenValue['kind'];
  /** bytes of the text's UTF-8, the second exclusive */
  readonly from: number;
  readonly to: number;
}

/** What each agent was given, and the trail has on the disk: to give it again is a repeat. Values themselves are not kept. */
export interface GivenValues {
  has(agent: string, values: readonly GivenValue[]): boolean;
  add(agent: string, values: readonly GivenValue[]): void;
  /**
   * Where a text holds what this agent was given, in any form of eight bytes and more; what touches is one.
   * @param may whether a name is to be told of
   */
  find(agent: string, text: string, may: (name: string) => boolean): readonly FoundValue[];
}

interface Kept {
  readonly agent: string;
  readonly name: string;
  readonly kind: GivenValue['kind'];
  readonly hash: string;
  readonly prints: readonly Print[];
}

interface OfAgent {
  /** by the hash of a value: the names by which it was given */
  readonly names: Map<string, Set<string>>;
  readonly index: PrintIndex<Kept>;
}

/** hashes that one text may cost */
const mostHashes = 1_000;

/** @param capacity values kept; what was added first leaves first, and is then new again */
export function createGivenValues(capacity = 20_000): GivenValues {
  const prints = createValuePrints();
  /** in the order in which they were added */
  const given = new Set<Kept>();
  const agents = new Map<string, OfAgent>();

  const knows = (agent: string, { name, value }: GivenValue): boolean =>
    agents.get(agent)?.names.get(value.hash())?.has(name) === true;

  const put = (agent: string, { name, kind, value }: GivenValue) => {
    const of = agents.get(agent) ?? { names: new Map<string, Set<string>>(), index: prints.index<Kept>(mostHashes) };
    agents.set(agent, of);
    const hash = value.hash();
    const kept = { agent, name, kind, hash, prints: printsOf(value, prints) };
    given.add(kept);
    of.names.set(hash, (of.names.get(hash) ?? new Set()).add(name));
    of.index.add(kept.prints, kept);
    for (const oldest of given) {
      if (given.size <= capacity) break;
      drop(oldest);
    }
  };

  const drop = (kept: Kept) => {
    given.delete(kept);
    const of = agents.get(kept.agent);
    const names = of?.names.get(kept.hash);
    names?.delete(kept.name);
    if (names?.size === 0) of?.names.delete(kept.hash);
    of?.index.remove(kept.prints);
  };

  return {
    has: (agent, values) => values.every((value) => knows(agent, value)),
    add(agent, values) {
      for (const each of values) if (!knows(agent, each)) put(agent, each);
    },
    find(agent, text, may) {
      const found = (agents.get(agent)?.index.find(Buffer.from(text)) ?? []).filter(({ of }) => may(of.name));
      // of those that begin together the longest gives its name
      const sorted = found.toSorted((one, other) => one.from - other.from || other.to - one.to);
      const joined: FoundValue[] = [];
      for (const {
        of: { name, kind },
        from,
        to,
      } of sorted) {
        const last = joined.at(-1);
        if (last === undefined || from > last.to) joined.push({ name, kind, from, to });
        else if (to > last.to) joined[joined.length - 1] = { ...last, to };
      }
      return joined;
    },
  };
}

/** Of each form of a value, of which those of fewer than eight bytes would stand in any text. */
export function printsOf(value: Secret, prints: Pick<ValuePrints, 'of'>): readonly Print[] {
  const { all } = patternsOf([{ name: '', value }], false);
  return prints.of(all.flatMap(({ bytes, short }) => (short ? [] : [bytes])));
}
