/** Whom a role must trust, to paste: what stands in capitals is the issuer's host and path, and what its tokens say. */
export function trustPolicyText(role: string | undefined): string {
  if (role === undefined) return '';
  const [, partition = 'aws', , , account = 'ACCOUNT'] = role.split(':');
  const policy = {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Federated: `arn:${partition}:iam::${account}:oidc-provider/ISSUER` },
        Action: 'sts:AssumeRoleWithWebIdentity',
        Condition: { StringEquals: { 'ISSUER:aud': 'AUDIENCE', 'ISSUER:sub': 'SUBJECT' } },
      },
    ],
  };
  return `# trust policy of ${role}\n${JSON.stringify(policy, undefined, 2)}\n`;
}
