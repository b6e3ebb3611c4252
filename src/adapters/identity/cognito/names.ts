/** The attribute of a user that has the ownership mark: the pool must have it. */
export const markAttribute = 'custom:flowsOwner';

/** What Cognito calls one-time passwords; a user has one at most. */
export const softwareToken = 'SOFTWARE_TOKEN_MFA';

/** `eu-west-1` of the pool `eu-west-1_AbCdEfGhI` */
export function regionOf(pool: string): string {
  return pool.slice(0, pool.indexOf('_'));
}
