import { Secret } from '../../../foundation/secret.ts';
import { normaliseSeed } from '../../../foundation/totp.ts';
import type { Factors } from '../contract.ts';
import { segment } from '../segment.ts';
import type { UserIds } from '../user-ids.ts';
import type { OrgFactor } from './answers.ts';
import type { Org } from './org.ts';

/** A wrong code at an activation, which is a 403 as a missing right is. */
const wrongCode = 'E0000068';

/**
 * One-time passwords as factors of a user. The seed is the org's, shown once, and in force with the first right code.
 * A seed of ours it takes only by a Custom TOTP factor, which has no label by which it could be known again.
 */
export function createFactors(org: Org, ids: UserIds): Factors & Required<Pick<Factors, 'begin'>> {
  const answers = () => import('./answers.ts');
  const pathOf = (user: string, ...rest: readonly string[]) => [ids.path(user), 'factors', ...rest].join('/');

  async function every(user: string): Promise<readonly OrgFactor[]> {
    const answer = await org.call('GET', pathOf(user), [200]);
    const factors = (await answers()).parsers.factors(answer.body);
    if (factors === undefined) throw org.malformed('something that is no list of factors');
    return factors.filter(({ factorType }) => factorType === 'token:software:totp' || factorType === 'token:hotp');
  }

  async function remove(user: string, factor: string): Promise<void> {
    await org.call('DELETE', pathOf(user, segment(factor)), [204, 404]);
  }

  return {
    async list(user) {
      const active = (await every(user)).filter(({ status }) => status === 'ACTIVE');
      return active.map(({ id }) => ({ id, label: undefined }));
    },

    remove,

    async begin(user) {
      // what a run left that ended before its code: its seed is shown to nobody any more
      for (const { id, status } of await every(user)) if (status === 'PENDING_ACTIVATION') await remove(user, id);
      const json = { factorType: 'token:software:totp', provider: 'GOOGLE' };
      const answer = await org.call('POST', pathOf(user), [200], { json });
      const made = (await answers()).parsers.begun(answer.body);
      if (made === undefined) throw org.malformed('something that is no factor that begins');
      const { sharedSecret, timeStep: period } = made._embedded.activation;
      const seed = normaliseSeed(sharedSecret);
      if (seed === undefined) throw org.malformed('a seed that is none');
      return {
        seed: { secret: new Secret(seed), algorithm: 'SHA1', digits: 6, period },
        async confirm(code) {
          const path = pathOf(user, segment(made.id), 'lifecycle/activate');
          const given = await org.call('POST', path, [200, 403], { json: { passCode: code.reveal() } });
          if (given.status === 200) return true;
          if ((await answers()).parseFailure(given.body).code === wrongCode) return false;
          throw await org.refusal(given);
        },
      };
    },
  };
}
