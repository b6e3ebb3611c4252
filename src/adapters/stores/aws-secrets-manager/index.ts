import { form, optional, required, type Keys } from '../../../language/forms.ts';
import { urlForm } from '../../../language/url.ts';
import { storeAdapter } from '../adapter.ts';
import type { AwsCredentials } from './aws-credentials.ts';
import { iamPolicy } from './iam-policy.ts';
import { regionPattern } from '../aws-partitions.ts';
import { awsRules } from './rules.ts';

const keys = {
  region: required(form.text({ pattern: regionPattern, expects: 'a region, like eu-west-1' }), 'the AWS region'),
  account: optional(
    form.text({ pattern: /^\d{12}$/, expects: "an account's 12 digits, in quotes" }),
    'verified before anything else',
    { example: "'123456789012'" },
  ),
  endpoint: optional(
    urlForm,
    "another address than AWS's own, for STS too; no variable and no profile of AWS can set it instead",
  ),
  profile: optional(form.text(), "a profile of AWS's shared configuration; without it the default credential chain"),
} satisfies Keys;

/** AWS Secrets Manager, by the AWS SDK. */
export const awsSecretsManager = storeAdapter<typeof keys, { readonly credentials: AwsCredentials }>({
  type: 'aws-secrets-manager',
  keys,
  plain: ['type', 'region', 'account'],
  addresses: ({ endpoint }) => [{ key: 'endpoint', url: endpoint }],
  place: ({ account, region }) => `AWS ${account === undefined ? '' : `account ${account} `}in ${region}`,
  rules: awsRules,
  setup: iamPolicy,
  laptop: ({ secretsManager: { endpoint, region, account, ...credentials } }) => ({
    endpoint,
    region,
    account,
    credentials,
    profile: undefined,
  }),
  async load() {
    const { createSecretsManagerStore } = await import('./store.ts');
    return { create: (settings, services) => createSecretsManagerStore({ ...settings, ...services }) };
  },
});
