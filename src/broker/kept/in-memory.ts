import { hash } from 'node:crypto';
import { createMemory, type ExpiringMemory } from '../../foundation/expiring-memory.ts';
import { type Kept, type KeptKind, mostKept } from './contract.ts';

/** {@link Kept} for one broker: it ends with the process. @param clock epoch milliseconds, and monotonic ones */
export function keptInMemory(
  clock: { readonly now: () => number; readonly monotonic: () => number },
  most = mostKept,
): Kept {
  const memoryOf = (kind: KeptKind) => createMemory<{ readonly value: unknown }>({ clock, capacity: most[kind] + 1 });
  const all = { session: memoryOf('session'), used: memoryOf('used') };
  const keyOf = (key: string) => hash('sha256', key, 'hex');

  function isRoomIn(memory: ExpiringMemory<{ readonly value: unknown }>, kind: KeptKind): boolean {
    if (memory.size() < most[kind]) return true;
    // what has ended is found where something is kept; this ends at once
    memory.put('', { value: undefined }, { ends: clock.monotonic() });
    return memory.size() < most[kind];
  }

  return {
    put(kind, key, until, value) {
      const memory = all[kind];
      const left = until - clock.now();
      if (left <= 0 || memory.peek(keyOf(key)) !== undefined || !isRoomIn(memory, kind)) return Promise.resolve(false);
      memory.put(keyOf(key), { value }, { ends: clock.monotonic() + left });
      return Promise.resolve(true);
    },
    get: (kind, key) => Promise.resolve(all[kind].peek(keyOf(key))?.value.value),
    forget(kind, key) {
      all[kind].forget(keyOf(key));
      return Promise.resolve();
    },
  };
}
