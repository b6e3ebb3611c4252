/** What each agent was given, and the trail has on the disk: to give it again is a repeat. */
export interface GivenValues {
  /** @param values hashes: never a value itself */
  has(agent: string, values: readonly string[]): boolean;
  add(agent: string, values: readonly string[]): void;
}

/** @param capacity entries kept; what was added first leaves first, and is then new again */
export function createGivenValues(capacity = 20_000): GivenValues {
  const given = new Set<string>();
  return {
    has: (agent, values) => values.every((value) => given.has(`${agent} ${value}`)),
    add(agent, values) {
      for (const value of values) given.add(`${agent} ${value}`);
      for (const oldest of given) {
        if (given.size <= capacity) break;
        given.delete(oldest);
      }
    },
  };
}
