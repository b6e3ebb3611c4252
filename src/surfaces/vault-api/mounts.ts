import type { Json, Mount, VaultReply } from './contract.ts';
import { dataReply, envelope, VaultRefusal } from './replies.ts';

type Mounts = ReadonlyMap<string, Mount>;

/** The mounts by their paths; they are the same for everyone. @param top as `vault secrets list` reads them, or as the CLI and a UI do */
export function mountsReply(mounts: Mounts, top: boolean): VaultReply {
  const secret = Object.fromEntries([...mounts].map(([name, mount]) => [`${name}/`, facts(name, mount)]));
  if (!top) return dataReply({ auth: {}, secret });
  return { status: 200, body: { ...secret, ...envelope({ data: secret }) } };
}

/** What the CLI asks before `kv get`: in which mount a path is, and by which version of KV it is asked for. */
export function preflight(mounts: Mounts, name: string): VaultReply {
  const mount = mounts.get(name);
  // 404 would make it take the mount for KV v1
  if (mount === undefined)
    throw new VaultRefusal('not-allowed', [
      "preflight capability check returned 403, please ensure client's policies grant access to this path",
    ]);
  return dataReply({ path: `${name}/`, ...facts(name, mount) });
}

function facts(name: string, { type, description, version }: Mount): Json {
  return {
    type,
    description,
    options: version === undefined ? null : { version },
    accessor: `${type}_${name}`,
    config: { default_lease_ttl: 0, max_lease_ttl: 0, force_no_cache: false },
    local: false,
    seal_wrap: false,
    external_entropy_access: false,
    uuid: '',
  };
}
