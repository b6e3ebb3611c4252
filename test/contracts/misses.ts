import { test } from 'vitest';

/** Expectations that an independent implementation is known to miss, by the test's name, with the reason. */
export type Misses = Readonly<Record<string, string>>;

/** `test`; where a miss is known it must really be missed, so that the list stays true. */
export function testMissing(misses: Misses): typeof test {
  return new Proxy(test, {
    apply(target, self, [name, ...rest]: [string, ...unknown[]]) {
      const miss = misses[name];
      if (miss === undefined) return Reflect.apply(target, self, [name, ...rest]);
      return Reflect.apply(target.fails, target, [`${name} (known to differ: ${miss})`, ...rest]);
    },
  });
}
