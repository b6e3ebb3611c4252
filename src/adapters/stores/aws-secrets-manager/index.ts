import { form, required, type Keys } from '../../../language/forms.ts';
import {
  connectionKeys,
  webIdentityKeys,
  webIdentityOf,
  webIdentityProblems,
  withoutRole,
} from '../../aws/connection-keys.ts';
import type { AwsCredentials } from '../../aws/credentials.ts';
import { regionPattern } from '../../aws/partitions.ts';
import { storeAdapter } from '../adapter.ts';
import { iamPolicy } from './iam-policy.ts';
import { awsRules } from './rules.ts';

const keys = {
  region: required(form.text({ pattern: regionPattern, expects: 'a region, like eu-west-1' }), 'the AWS region'),
  ...connectionKeys,
  ...webIdentityKeys,
} satisfies Keys;

/** AWS Secrets Manager, by the AWS SDK. */
export const awsSecretsManager = storeAdapter<typeof keys, { readonly credentials: AwsCredentials }>({
  type: 'aws-secrets-manager',
  keys,
  plain: ['type', 'region', 'account'],
  addresses: ({ endpoint }) => [{ key: 'endpoint', url: endpoint }],
  place: ({ account, region }) => `AWS ${account === undefined ? '' : `account ${account} `}in ${region}`,
  check: webIdentityProblems,
  rules: awsRules,
  setup: iamPolicy,
  laptop: ({ secretsManager: { endpoint, region, account, ...credentials } }) => ({
    endpoint,
    region,
    account,
    credentials,
    profile: undefined,
    ...withoutRole,
  }),
  async load() {
    const { createSecretsManagerStore } = await import('./store.ts');
    return {
      create: (settings, services) =>
        createSecretsManagerStore({ ...settings, ...services, webIdentity: webIdentityOf(settings, services) }),
    };
  },
});
