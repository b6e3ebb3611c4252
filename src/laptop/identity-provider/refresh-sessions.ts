import { randomBytes } from 'node:crypto';

/**
 * What users are signed in to, by refresh token.
 * @param now epoch milliseconds
 * @param lag milliseconds after which a revocation that was accepted is carried out
 */
export function createSessions(now: () => number, lag: number) {
  const sessions = new Map<string, { readonly user: string; readonly until: number }>();
  return {
    begin(user: string): string {
      const token = randomBytes(32).toString('base64url');
      sessions.set(token, { user, until: Infinity });
      return token;
    },
    end: (token: string) => void sessions.delete(token),
    lives: (token: string) => (sessions.get(token)?.until ?? 0) > now(),
    revoke(user: string): void {
      for (const [token, session] of sessions) {
        if (session.user === user) sessions.set(token, { user, until: Math.min(session.until, now() + lag) });
      }
    },
  };
}

export type Sessions = ReturnType<typeof createSessions>;
