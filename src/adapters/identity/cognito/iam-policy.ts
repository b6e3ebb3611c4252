import { partitionOf } from '../../aws/partitions.ts';
import { trustPolicyText } from '../../aws/trust-policy.ts';
import { markAttribute, regionOf } from './names.ts';

interface Place {
  readonly pool: string;
  readonly account?: string | undefined;
  readonly proof?: unknown;
  readonly role?: string | undefined;
}

/** The least IAM policy for all that the adapter does at a pool, and the attribute that the pool must have. */
export function iamPolicy(provider: string, { pool, account = 'ACCOUNT', proof, role }: Place): string {
  const region = regionOf(pool);
  const arn = `arn:${partitionOf(region).id}:cognito-idp:${region}:${account}:userpool/${pool}`;
  const statement = (sid: string, actions: readonly string[]) => ({
    Sid: sid,
    Effect: 'Allow',
    Action: actions.map((action) => `cognito-idp:${action}`),
    Resource: arn,
  });
  const policy = {
    Version: '2012-10-17',
    Statement: [
      statement('Users', [
        'AdminCreateUser',
        'AdminGetUser',
        'AdminSetUserPassword',
        'AdminDisableUser',
        'AdminDeleteSoftwareToken',
      ]),
      statement('Sessions', ['AdminUserGlobalSignOut']),
      ...(proof === undefined
        ? []
        : [statement('Proof', ['AdminInitiateAuth', 'AdminRespondToAuthChallenge', 'AdminSetUserMFAPreference'])]),
      statement('ClientSecrets', [
        'ListUserPoolClientSecrets',
        'AddUserPoolClientSecret',
        'DeleteUserPoolClientSecret',
      ]),
    ],
  };
  const [, attribute = ''] = markAttribute.split(':');
  const command = `aws cognito-idp add-custom-attributes --user-pool-id ${pool} --custom-attributes Name=${attribute},AttributeDataType=String,Mutable=false`;
  return `# identity provider ${provider}: the attribute of the ownership mark, once, and an IAM policy\n# ${command}\n${JSON.stringify(policy, undefined, 2)}\n${trustPolicyText(role)}`;
}
