import type { UserRecord, Users } from '../users.ts';
import { missing } from './api-error.ts';

/** So many requests reach a replica that does not know a new user yet, within so many milliseconds. */
const behind = { requests: 2, for: 30_000 } as const;

/**
 * The users of a directory as its replicas know them: each new one is missing for a while.
 * @param now epoch milliseconds
 */
export function createReplicas(users: Users, now: () => number) {
  const unknown = new Map<string, number>();
  return {
    made: (id: string) => void unknown.set(id, behind.requests),
    /** By id or user principal name. @throws GraphError */
    userOf(idOrName: string): UserRecord {
      const user = users.get(idOrName) ?? users.byUserName(idOrName);
      const left = unknown.get(user?.id ?? '') ?? 0;
      if (user !== undefined && (left === 0 || now() > user.createdAt + behind.for)) return user;
      if (user !== undefined) unknown.set(user.id, left - 1);
      throw missing(idOrName);
    },
  };
}

export type Replicas = ReturnType<typeof createReplicas>;
