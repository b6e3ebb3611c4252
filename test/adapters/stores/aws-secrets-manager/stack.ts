import * as sdk from '@aws-sdk/client-secrets-manager';
import { startSecretsManager, type SecretsManagerOptions } from '../../../../src/laptop/secrets-manager/server.ts';
import {
  createSecretsManagerStore,
  type SecretsManagerStoreOptions,
} from '../../../../src/adapters/stores/aws-secrets-manager/store.ts';

/** A development server, the store under test, and AWS's client as someone else uses it. */
export async function startStack(
  options: Partial<SecretsManagerStoreOptions> = {},
  server: SecretsManagerOptions = {},
) {
  const aws = await startSecretsManager(server);
  const open = (more: Partial<SecretsManagerStoreOptions> = {}) =>
    createSecretsManagerStore({
      name: 'aws',
      region: aws.region,
      endpoint: aws.address,
      credentials: aws.credentials,
      development: true,
      ...options,
      ...more,
    });
  const store = open();
  const client = new sdk.SecretsManagerClient({
    region: aws.region,
    endpoint: aws.address,
    credentials: {
      accessKeyId: aws.credentials.accessKeyId,
      secretAccessKey: aws.credentials.secretAccessKey.reveal(),
    },
    maxAttempts: 1,
  });
  return {
    aws,
    store,
    open,
    client,
    current: (name: string) => {
      const secret = aws.dump().find((each) => each.name === name);
      return secret?.versions.find((each) => each.stages.includes('AWSCURRENT'))?.value.reveal();
    },
    /** calls of one operation since the last time */
    counter() {
      let before = aws.calls();
      return (): Record<string, number> => {
        const now = aws.calls();
        const since = Object.entries(now).map(([name, count]) => [name, count - (before[name] ?? 0)] as const);
        before = now;
        return Object.fromEntries(since.filter(([, count]) => count > 0));
      };
    },
    async close() {
      client.destroy();
      await store.close();
      await aws.close();
    },
  };
}
export type Stack = Awaited<ReturnType<typeof startStack>>;
