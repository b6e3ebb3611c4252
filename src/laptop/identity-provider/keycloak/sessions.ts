import { randomBytes } from 'node:crypto';

interface Session {
  readonly user: string;
  readonly client: string;
  readonly offline: boolean;
}

/** What users are signed in to over the token endpoint, by refresh token. A logout leaves offline ones alive. */
export function createSessions() {
  const sessions = new Map<string, Session>();
  const endWhere = (ends: (session: Session) => boolean) => {
    for (const [token, session] of sessions) if (ends(session)) sessions.delete(token);
  };
  return {
    begin(session: Session): string {
      const token = randomBytes(32).toString('base64url');
      sessions.set(token, session);
      return token;
    },
    of: (token: string) => sessions.get(token),
    end: (token: string) => sessions.delete(token),
    logout: (user: string) => endWhere((each) => each.user === user && !each.offline),
    withdraw: (user: string, client: string) =>
      endWhere((each) => each.user === user && each.client === client && each.offline),
    offlineClients: (user: string) => [
      ...new Set(
        [...sessions.values()].filter((each) => each.user === user && each.offline).map((each) => each.client),
      ),
    ],
  };
}

export type Sessions = ReturnType<typeof createSessions>;
