import { join } from 'node:path';
import type { Vault } from '../adapters/vaults/contract.ts';
import { createGovernor, type GovernedVault } from '../adapters/vaults/governor/governor.ts';
import type { EntryQuota, QuotaEvent } from '../adapters/vaults/quota.ts';
import { createVaults, type VaultEntry } from '../adapters/vaults/by-vault-name.ts';

export interface GovernedVaultsOptions {
  readonly entries: readonly VaultEntry[];
  /** where the ledger is kept; undefined: in memory */
  readonly stateFolder: string | undefined;
  /** epoch milliseconds */
  readonly now: () => number;
  readonly warn: (message: string) => void;
  readonly onQuota: (event: QuotaEvent) => void;
}

/** The vaults of an environment as one, each kept below its quota. */
export interface GovernedVaults {
  readonly vault: Vault;
  /** the same for break-glass flows */
  readonly urgent: Vault;
  /** of each entry that was asked already */
  quotas(): readonly EntryQuota[];
}

export function createGovernedVaults(options: GovernedVaultsOptions): GovernedVaults {
  const { entries, stateFolder, now, warn, onQuota } = options;
  const ledger = stateFolder === undefined ? undefined : join(stateFolder, 'vault-quota.sqlite');
  const all = entries.map(({ vaults, vault }) => ({
    vaults,
    vault: createGovernor(vault, { ledger, now, warn, onEvent: onQuota }),
  }));
  return {
    vault: createVaults(all),
    urgent: createVaults(all.map(({ vaults, vault }) => ({ vaults, vault: vault.urgent }))),
    quotas: () => quotasOf(all.map(({ vault }) => vault)),
  };
}

function quotasOf(vaults: readonly GovernedVault[]): readonly EntryQuota[] {
  return vaults.flatMap((vault, index) => {
    const state = vault.usage();
    return state === undefined ? [] : [{ ...state, entry: index + 1 }];
  });
}
