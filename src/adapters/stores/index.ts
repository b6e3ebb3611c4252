import { adaptersOf } from '../declaration.ts';
import { storeKeys } from './adapter.ts';
import { awsSecretsManager } from './aws-secrets-manager/index.ts';
import { vaultKv } from './vault-kv/index.ts';

/** Every kind of secret store, one line each. */
export const stores = adaptersOf(storeKeys, [awsSecretsManager, vaultKv]);
