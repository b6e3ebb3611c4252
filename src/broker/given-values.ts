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
  readonly prints: readonly Print[];
}

/** hashes that one text may cost */
const mostHashes = 1_000;

/** @param capacity values kept; what was added first leaves first, and is then new again */
export function createGivenValues(capacity = 20_000): GivenValues {
  const prints = createValuePrints();
  const given = new Map<string, Kept>();
  /** by agent */
  const indexes = new Map<string, PrintIndex<Kept>>();

  const put = (key: string, kept: Kept) => {
    given.set(key, kept);
    const index = indexes.get(kept.agent) ?? prints.index<Kept>(mostHashes);
    indexes.set(kept.agent, index);
    index.add(kept.prints, kept);
    for (const [oldest, { agent, prints: gone }] of given) {
      if (given.size <= capacity) break;
      given.delete(oldest);
      indexes.get(agent)?.remove(gone);
    }
  };

  return {
    has: (agent, values) => values.every((value) => given.has(keyOf(agent, value))),
    add(agent, values) {
      for (const each of values) {
        const key = keyOf(agent, each);
        const { name, kind, value } = each;
        if (!given.has(key)) put(key, { agent, name, kind, prints: printsOf(value, prints) });
      }
    },
    find(agent, text, may) {
      const found = (indexes.get(agent)?.find(Buffer.from(text)) ?? []).filter(({ of }) => may(of.name));
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

function keyOf(agent: string, { name, value }: GivenValue): string {
  return `${agent} ${name} ${value.hash()}`;
}

/** Of each form of a value, of which those of fewer than eight bytes would stand in any text. */
export function printsOf(value: Secret, prints: Pick<ValuePrints, 'of'>): readonly Print[] {
  const { all } = patternsOf([{ name: '', value }], false);
  return prints.of(all.flatMap(({ bytes, short }) => (short ? [] : [bytes])));
}
