import { CreateSecretCommand, DeleteSecretCommand, PutSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { secretStoreContract } from '../../../contracts/secret-store.ts';
import { startStack } from './stack.ts';

secretStoreContract('AWS Secrets Manager by the SDK, against the development server', async () => {
  const { store, client, aws, current, close } = await startStack({ account: '123456789012' });
  return {
    store,
    close,
    current: (name) => Promise.resolve(current(name)),
    async writeAsSomeoneElse(name, SecretString) {
      const exists = aws.dump().some((each) => each.name === name);
      if (exists) await client.send(new PutSecretValueCommand({ SecretId: name, SecretString }));
      else await client.send(new CreateSecretCommand({ Name: name, SecretString }));
    },
    async scheduleDeletion(name) {
      await client.send(new DeleteSecretCommand({ SecretId: name }));
    },
  };
});
