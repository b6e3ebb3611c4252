/** What is made when somebody first wants it, and kept. */
export interface MadeOnce<T> {
  /** Whoever comes while it is made waits for the same. What failed is made anew for the next one who asks. */
  get(): Promise<T>;
  /** What was made, once it is; undefined: nobody wanted it, or it failed. */
  known(): Promise<T | undefined>;
  /** The next one who asks has another made. */
  forget(): void;
}

/**
 * Makes something once, however many want it.
 * @example
 * const database = madeOnce(() => openDatabase(options));
 * const rows = await (await database.get()).query('select 1');
 * await (await database.known())?.close();
 */
export function madeOnce<T>(make: () => Promise<T>): MadeOnce<T> {
  let made: Promise<T> | undefined;
  return {
    get() {
      const mine = (made ??= make());
      mine.catch(() => {
        if (made === mine) made = undefined;
      });
      return mine;
    },
    known: async () => made?.catch(() => undefined),
    forget() {
      made = undefined;
    },
  };
}
