import type { Json, Mount, ProvenRequest, VaultApiOptions, VaultReply } from './contract.ts';
import { requireAllowed } from './require-allowed.ts';
import { dataReply, nothingThere, unsupported } from './replies.ts';
import { keysAt, namesBelow } from './vault-paths.ts';

type Kept = NonNullable<VaultReply['kept']>;

/**
 * The names of registry.yaml as a mount of KV, read only: each by its name, with one key `value`, and by the path that it
 * had in Vault. What is denied and what does not exist are refused alike.
 */
export function createKv(
  mount: string,
  version: '1' | '2',
  { broker, registry, clock }: Pick<VaultApiOptions, 'broker' | 'registry' | 'clock'>,
): Mount {
  // nothing here has a history: what is given has been the only version since this began to give it
  const since = new Date(clock.now()).toISOString();
  const only = { created_time: since, deletion_time: '', destroyed: false };

  async function read(path: string, { caller }: ProvenRequest): Promise<{ readonly data: Json; readonly kept: Kept }> {
    const keys = keysAt(registry(), mount, path);
    const names = [...keys.values()];
    const cached = broker.cachedSecrets(caller, names);
    await cached?.recorded;
    const { resolved } = cached?.secrets ?? (await broker.secrets(caller, names));
    return {
      data: Object.fromEntries([...keys].map(([key, name]) => [key, resolved[name]?.value])),
      kept: { names, ends: Math.min(...Object.values(resolved).map(({ expiresAt }) => Date.parse(expiresAt))) },
    };
  }

  async function list(path: string, { caller }: ProvenRequest): Promise<VaultReply> {
    const keys = namesBelow(registry(), mount, path, await broker.secretNames(caller));
    if (keys.length === 0) throw nothingThere();
    return dataReply({ keys });
  }

  /** Facts about what an agent may have, without the value. */
  async function facts(path: string, { caller }: ProvenRequest): Promise<VaultReply> {
    await requireAllowed(broker, caller, keysAt(registry(), mount, path).values());
    return dataReply({
      cas_required: false,
      created_time: since,
      current_version: 1,
      custom_metadata: null,
      delete_version_after: '0s',
      max_versions: 0,
      oldest_version: 0,
      updated_time: since,
      versions: { 1: only },
    });
  }

  async function versionOne(rest: string, request: ProvenRequest): Promise<VaultReply> {
    if (request.operation === 'list') return list(rest, request);
    if (request.operation !== 'read' || rest === '') throw unsupported();
    const { data, kept } = await read(rest, request);
    return { ...dataReply(data), kept };
  }

  async function versionTwo(rest: string, request: ProvenRequest): Promise<VaultReply> {
    const { operation, query } = request;
    const [, area = '', path = ''] = /^(data|metadata)(?:\/(.+))?$/.exec(rest) ?? [];
    if (operation === 'list' && area === 'metadata') return list(path, request);
    if (operation !== 'read' || path === '') throw unsupported();
    if (area === 'metadata') return facts(path, request);
    // the same for each path, whoever asks
    if (!['0', '1'].includes(query.get('version') ?? '0')) throw nothingThere();
    const { data, kept } = await read(path, request);
    const metadata = { ...only, custom_metadata: null, version: 1 };
    return { ...dataReply({ data, metadata }), kept };
  }

  return {
    type: 'kv',
    description: 'names of registry.yaml, read only',
    version,
    answer: version === '1' ? versionOne : versionTwo,
  };
}
