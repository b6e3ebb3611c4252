import { join } from 'node:path';
import type { TakenEnvironment } from '../foundation/environment-variables.ts';
import type { Secret } from '../foundation/secret.ts';
import type { VaultSettings } from '../folder/service/settings.ts';
import type { Vault } from '../adapters/vaults/contract.ts';
import { createGovernor, type GovernedVault } from '../adapters/vaults/governor/governor.ts';
import { createOnePasswordVault } from '../adapters/vaults/onepassword/vault.ts';
import type { EntryQuota, QuotaEvent, QuotaSettings } from '../adapters/vaults/quota.ts';
import { createVaults } from '../adapters/vaults/by-vault-name.ts';
import { readToken } from '../adapters/vaults/token-source.ts';

export interface GovernedVaultsOptions {
  /** `vault:` of the environment; or the laptop's token, whose vault has no quota */
  readonly entries: readonly VaultSettings[] | { readonly token: Secret };
  readonly development: boolean;
  readonly taken: TakenEnvironment;
  /** where the ledger is kept */
  readonly stateFolder: string;
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
  const { entries, development, stateFolder, now, warn, onQuota, taken } = options;
  // the laptop's vault has no quota, and ends with its stack: what one command met is nothing to the next
  const ledger = 'token' in entries ? undefined : join(stateFolder, 'vault-quota.sqlite');
  const common = { ledger, now, warn, onEvent: onQuota };

  const governed = (
    signIn: { readonly token: () => Promise<Secret> } | { readonly account: string },
    quota?: QuotaSettings,
  ) => createGovernor(createOnePasswordVault({ ...signIn, development, quota }), common);

  if ('token' in entries) {
    const only = governed({ token: () => Promise.resolve(entries.token) });
    return { vault: only, urgent: only.urgent, quotas: () => quotasOf([only]) };
  }
  const all = entries.map(({ vaults, token, account, quota }) => ({
    vaults,
    vault: governed(token === undefined ? { account: account ?? '' } : { token: () => readToken(token, taken) }, quota),
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
