import type { StoredSecret } from './stored-secrets.ts';

interface View {
  readonly at: number;
  readonly secret: StoredSecret;
}

/** What ListSecrets shows: each secret as it was `lag` milliseconds ago, as AWS's list may be up to five minutes. */
export function createHistory(secrets: ReadonlyMap<string, StoredSecret>, now: () => number, lag: () => number) {
  const views = new Map<string, View[]>();

  function record(secret: StoredSecret): void {
    const of = views.get(secret.arn) ?? [];
    views.set(secret.arn, of);
    of.push({ at: now(), secret: copy(secret) });
    const oldest = now() - 3_600_000;
    while (of.length > 1 && (of[1]?.at ?? 0) < oldest) of.shift();
  }

  function listed(): readonly StoredSecret[] {
    if (lag() === 0) return [...secrets.values()];
    const until = now() - lag();
    return [...views.values()]
      .map((of) => of.findLast((view) => view.at <= until)?.secret)
      .filter((secret) => secret !== undefined && secrets.get(secret.name)?.arn === secret.arn)
      .filter((secret) => secret !== undefined);
  }

  return { record, listed };
}

function copy(secret: StoredSecret): StoredSecret {
  const versions = [...secret.versions].map(
    ([id, version]) => [id, { ...version, stages: new Set(version.stages) }] as const,
  );
  return { ...secret, tags: new Map(secret.tags), versions: new Map(versions) };
}
