import { form, type Keys, required } from '../../../language/forms.ts';
import {
  connectionKeys,
  webIdentityKeys,
  webIdentityOf,
  webIdentityProblems,
  withoutRole,
} from '../../aws/connection-keys.ts';
import type { AwsCredentials } from '../../aws/credentials.ts';
import type { SettingsOf } from '../../declaration.ts';
import type { LaptopDouble } from '../../laptop-stack.ts';
import { identityProviderAdapter, type IdentityServices } from '../adapter.ts';
import { proofClientOf, proofKeys, proofOfLaptop, proofTrouble } from '../proof-client.ts';
import { iamPolicy } from './iam-policy.ts';
import { regionOf } from './names.ts';

const keys = {
  pool: required(
    form.text({
      pattern: /^[a-z]{2,8}(?:-[a-z]+)+-\d{1,2}_[A-Za-z0-9]{1,55}$/,
      expects: 'the id of a user pool: eu-west-1_AbCdEfGhI',
    }),
    'the user pool, whose id begins with its region',
  ),
  ...connectionKeys,
  ...webIdentityKeys,
  ...proofKeys('an app client with ALLOW_ADMIN_USER_PASSWORD_AUTH'),
} satisfies Keys;

/** What the laptop gives besides: its access key, and the API that it plays. */
interface OfLaptop {
  readonly credentials: AwsCredentials;
  readonly double: LaptopDouble | undefined;
}
type Settings = SettingsOf<typeof keys, OfLaptop>;

/** Users, one-time passwords, sessions and app clients of a Cognito user pool, by the AWS SDK. */
export const cognito = identityProviderAdapter<typeof keys, OfLaptop>({
  type: 'cognito',
  keys,
  plain: ['type', 'pool', 'account'],
  addresses: ({ endpoint }) => [{ key: 'endpoint', url: endpoint }],
  place: ({ pool, account }) => `AWS ${account === undefined ? '' : `account ${account}, `}user pool ${pool}`,
  offers: ['set-password', 'end-sessions', 'begin-enrolment', 'proof', 'client-secrets'],
  // the pool gives its seed to whoever signs in
  lacks: ({ proof }, capability) =>
    capability === 'proof' || capability === 'begin-enrolment' ? proofTrouble(proof) : undefined,
  check: (settings, given) =>
    webIdentityProblems({ ...settings, region: settings.pool && regionOf(settings.pool) }, given),
  setup: iamPolicy,
  laptop: ({ doubles: { cognito: double }, secretsManager: { region } }) => ({
    pool: `${region}_laptop`,
    account: undefined,
    endpoint: double?.url ?? '',
    profile: undefined,
    ...withoutRole,
    proof: proofOfLaptop(double),
    double,
    ...(double && { credentials: { accessKeyId: 'laptop', secretAccessKey: double.token } }),
  }),
  async load() {
    const { createCognitoProvider } = await import('./provider.ts');
    const create = ({ proof, double, ...settings }: Settings, services: IdentityServices) => {
      const { name, development, way, read } = services;
      return createCognitoProvider({
        ...settings,
        name,
        development,
        way,
        proof: proofClientOf(proof, double, read),
        webIdentity: webIdentityOf(settings, services),
      });
    };
    return { create };
  },
});
