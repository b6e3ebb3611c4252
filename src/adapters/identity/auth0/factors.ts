import { FlowError } from '../../../foundation/errors.ts';
import type { Factor, Factors } from '../contract.ts';
import { segment } from '../segment.ts';
import type { Tenant } from './tenant.ts';
import type { UserIds } from '../user-ids.ts';

/** Milliseconds for which a list is taken as known: a free tenant shows a user's factors twice a minute. */
const known = 10_000;

/** One-time passwords as authentication methods of a user; the seeds never come back. */
export function createFactors(
  tenant: Tenant,
  ids: UserIds,
  now: () => number,
): Factors & Required<Pick<Factors, 'importSeed'>> {
  const pathOf = (user: string) => `${ids.path(user)}/authentication-methods`;
  const lists = new Map<string, { readonly at: number; readonly factors: readonly Factor[] }>();

  async function list(user: string): Promise<readonly Factor[]> {
    const answer = await tenant.call('GET', pathOf(user), [200]);
    const methods = (await import('./answers.ts')).parsers.methods(answer.body);
    if (methods === undefined) throw tenant.malformed('something that is no list of authentication methods');
    const factors = methods
      .filter(({ type, confirmed }) => type === 'totp' && confirmed !== false)
      .map(({ id, name }) => ({ id, label: name ?? undefined }));
    lists.set(user, { at: now(), factors });
    return factors;
  }

  async function lately(user: string): Promise<readonly Factor[]> {
    const last = lists.get(user);
    return last === undefined || now() - last.at > known ? list(user) : last.factors;
  }

  return {
    list,

    async remove(user, factor) {
      lists.delete(user);
      await tenant.call('DELETE', `${pathOf(user)}/${segment(factor)}`, [204, 404]);
    },

    async importSeed(user, { seed, label }) {
      const { secret, algorithm, digits, period } = seed;
      if (algorithm !== 'SHA1' || digits !== 6 || period !== 30) {
        throw new FlowError('invalid-value', `identity provider "${tenant.name}" takes no such one-time password`, {
          hint: 'Auth0 makes codes of 6 digits for 30 s by SHA-1: store such a one',
          place: { subject: 'one-time-password' },
        });
      }
      if ((await lately(user)).some((each) => each.label === label)) return;
      lists.delete(user);
      const json = { type: 'totp', name: label, totp_secret: secret.reveal() };
      await tenant.call('POST', pathOf(user), [201], { json, password: secret });
    },
  };
}
