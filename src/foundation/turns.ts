/** Does pieces of work of one name one after another, in the order in which they came; those of other names beside them. */
export type InTurn = <T>(name: string, work: () => Promise<T>) => Promise<T>;

/**
 * Queues, one a name. What fails keeps nobody from their turn.
 * @example
 * const inTurn = createTurns();
 * await Promise.all([inTurn('a', first), inTurn('a', second)]);
 */
export function createTurns(): InTurn {
  const tails = new Map<string, Promise<unknown>>();
  return (name, work) => {
    const mine = (tails.get(name) ?? Promise.resolve()).then(work, work);
    tails.set(
      name,
      mine.catch(() => undefined),
    );
    return mine;
  };
}
