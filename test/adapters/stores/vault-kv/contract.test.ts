import { vaultKvStoreContract } from '../../../contracts/vault-kv-store.ts';
import { startVaultDouble } from '../../kv/double.ts';

vaultKvStoreContract('a KV engine of Vault, by the double', () => startVaultDouble());
