import { FlowError } from '../../../foundation/errors.ts';
import type { Factor, Factors, LabelledSeed } from '../contract.ts';
import { segment } from '../segment.ts';
import type { BruteForce, RealmUser } from './answers.ts';
import type { Realm } from './realm.ts';

/** How often an account has failed lately, and whether that has locked it. */
export type FailuresOf = (user: string) => Promise<BruteForce>;

export interface KeycloakFactors extends Required<Omit<Factors, 'begin'>> {
  readonly failuresOf: FailuresOf;
  /** As a success does. */
  readonly forgetFailures: (user: string) => Promise<void>;
}

/** One-time passwords as credentials of a user. */
export function createFactors(realm: Realm, getWhole: (id: string) => Promise<RealmUser | undefined>): KeycloakFactors {
  const answers = () => import('./answers.ts');
  const pathOf = (user: string) => `users/${segment(user)}`;

  async function list(user: string): Promise<readonly Factor[]> {
    const answer = await realm.call('GET', `${pathOf(user)}/credentials`, [200]);
    const credentials = (await answers()).parsers.credentials(answer.body);
    if (credentials === undefined) throw realm.malformed('something that is no list of credentials');
    return credentials
      .filter(({ type }) => type === 'otp')
      .map(({ id, userLabel }) => ({ id, label: userLabel ?? undefined }));
  }

  async function failuresOf(user: string): Promise<BruteForce> {
    const answer = await realm.call('GET', `attack-detection/brute-force/${pathOf(user)}`, [200]);
    const found = (await answers()).parsers.bruteForce(answer.body);
    if (found === undefined) throw realm.malformed('something that is no status of a user');
    return found;
  }

  return {
    list,
    failuresOf,

    async forgetFailures(user) {
      await realm.call('DELETE', `attack-detection/brute-force/${pathOf(user)}`, [204, 404]);
    },

    async remove(user, factor) {
      await realm.call('DELETE', `${pathOf(user)}/credentials/${segment(factor)}`, [204, 404]);
    },

    async importSeed(user, given) {
      const whole = await getWhole(user);
      if (whole === undefined) {
        throw new FlowError('not-found', `identity provider "${realm.name}" has no user with the id "${user}"`);
      }
      const credentials = [oneTimePasswordCredential(given)];
      // 409: a factor has the label, which the password of a replayed request would have too
      await realm.call('PUT', pathOf(user), [204, 409], { json: { credentials } });
      await withoutEnrolment(realm, whole);
    },

    async prefer(user, factor) {
      await realm.call('POST', `${pathOf(user)}/credentials/${segment(factor)}/moveToFirst`, [204], {
        repeatable: true,
      });
    },

    async lockedUntil(user) {
      const { disabled, failedLoginNotBefore } = await failuresOf(user);
      if (!disabled) return undefined;
      return failedLoginNotBefore > 0 ? failedLoginNotBefore * 1000 : Infinity;
    },
  };
}

/** A credential as a user representation has it; what Keycloak does not check, it would take in silence. */
export function oneTimePasswordCredential({ seed, label }: LabelledSeed): object {
  const { secret, algorithm, digits, period } = seed;
  return {
    type: 'otp',
    userLabel: label,
    secretData: JSON.stringify({ value: secret.reveal() }),
    credentialData: JSON.stringify({
      subType: 'totp',
      digits,
      period,
      counter: 0,
      algorithm: `Hmac${algorithm}`,
      secretEncoding: 'BASE32',
    }),
  };
}

/** The user is not asked to enrol (any more): with a one-time password in force that would be a second one. */
export async function withoutEnrolment(realm: Realm, { id, requiredActions }: RealmUser): Promise<void> {
  const asked = requiredActions ?? [];
  if (!asked.includes('CONFIGURE_TOTP')) return;
  const others = asked.filter((action) => action !== 'CONFIGURE_TOTP');
  await realm.call('PUT', `users/${segment(id)}`, [204], { json: { requiredActions: others } });
}
