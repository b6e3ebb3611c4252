import type { Adapter, AdapterPayload } from 'oidc-provider';

interface Entry {
  payload: AdapterPayload;
  /** epoch milliseconds */
  readonly expires: number;
}

/** Where oidc-provider keeps sessions, codes and opaque tokens: memory, by model, until they expire. */
export function createStorage(now: () => number = Date.now): (model: string) => Adapter {
  const models = new Map<string, Map<string, Entry>>();
  const stored = (model: string) => {
    const entries = models.get(model) ?? new Map<string, Entry>();
    models.set(model, entries);
    return entries;
  };
  const alive = (entry: Entry | undefined) => (entry !== undefined && entry.expires > now() ? entry : undefined);

  return (model) => {
    const entries = stored(model);
    const first = (fits: (payload: AdapterPayload) => boolean) => {
      for (const entry of entries.values()) if (alive(entry) && fits(entry.payload)) return entry.payload;
      return undefined;
    };
    let writes = 0;
    return {
      upsert: async (id, payload, expiresIn) => {
        writes += 1;
        if (writes % 256 === 0) for (const [key, entry] of entries) if (!alive(entry)) entries.delete(key);
        const expires = expiresIn === undefined ? Number.POSITIVE_INFINITY : now() + expiresIn * 1000;
        entries.set(id, { payload, expires });
      },
      find: async (id) => alive(entries.get(id))?.payload,
      findByUid: async (uid) => first((payload) => payload.uid === uid),
      findByUserCode: async (userCode) => first((payload) => payload.userCode === userCode),
      consume: async (id) => {
        const entry = entries.get(id);
        if (entry !== undefined) entry.payload = { ...entry.payload, consumed: Math.floor(now() / 1000) };
      },
      destroy: async (id) => void entries.delete(id),
      revokeByGrantId: async (grantId) => {
        for (const [id, entry] of entries) if (entry.payload.grantId === grantId) entries.delete(id);
      },
    };
  };
}
