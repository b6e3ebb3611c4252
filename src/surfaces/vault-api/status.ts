import { hash } from 'node:crypto';
import type { VaultApiOptions, VaultReply } from './contract.ts';

/**
 * How the service is, for load balancers and for what clients ask before anything else: without an envelope, and for
 * everyone. Sealed is a broker that gives nothing out at the moment.
 */
export function createStatus({
  ready,
  version,
  clock,
}: Pick<VaultApiOptions, 'ready' | 'version' | 'clock'>): (path: string) => VaultReply | undefined {
  const isSealed = (): boolean => !Object.values(ready()).every(Boolean);
  const cluster = { cluster_name: 'auth-chain', cluster_id: hash('sha256', 'auth-chain', 'hex').slice(0, 32) };
  const replies: Readonly<Record<string, () => VaultReply>> = {
    'sys/health': () => ({
      status: isSealed() ? 503 : 200,
      body: {
        initialized: true,
        sealed: isSealed(),
        standby: false,
        performance_standby: false,
        replication_performance_mode: 'disabled',
        replication_dr_mode: 'disabled',
        server_time_utc: Math.floor(clock.now() / 1_000),
        version,
        ...cluster,
      },
    }),
    'sys/seal-status': () => ({
      status: 200,
      body: {
        type: 'auth-chain',
        initialized: true,
        sealed: isSealed(),
        t: 1,
        n: 1,
        progress: 0,
        nonce: '',
        version,
        migration: false,
        recovery_seal: false,
        storage_type: 'auth-chain',
        ...cluster,
      },
    }),
    'sys/init': () => ({ status: 200, body: { initialized: true } }),
    'sys/leader': () => ({
      status: 200,
      body: { ha_enabled: false, is_self: true, leader_address: '', leader_cluster_address: '' },
    }),
  };
  return (path) => (Object.hasOwn(replies, path) ? replies[path]?.() : undefined);
}
