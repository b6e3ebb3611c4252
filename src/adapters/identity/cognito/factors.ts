import { FlowError } from '../../../foundation/errors.ts';
import type { Factors } from '../contract.ts';
import type { PoolUser } from './answers.ts';
import type { Pool } from './pool.ts';
import type { PoolSignIn } from './sign-in.ts';
import { softwareToken } from './names.ts';

/** The one one-time password that a user has. Its seed is the pool's, given to whoever signs in. */
export function createFactors(
  pool: Pool,
  signIn: PoolSignIn | undefined,
  existing: (id: string) => Promise<PoolUser>,
): Factors {
  const list = async (user: string) => {
    const { factors } = await existing(user);
    return factors.includes(softwareToken) ? [{ id: softwareToken, label: undefined }] : [];
  };
  const begin = (by: PoolSignIn): NonNullable<Factors['begin']> =>
    async function begin(user, { username, password }) {
      const stage = await by.begin(user, password);
      if (stage.is === 'complete' || stage.is === 'setup') return by.enrolment(user, stage);
      if (stage.is === 'code') {
        throw new FlowError('conflict', `user "${username}" has a one-time password already`, {
          hint: 'adopt it, or remove it from the user first',
        });
      }
      throw new FlowError('denied', `identity provider "${pool.name}" does not let user "${username}" sign in`, {
        hint: 'is it the password that the user has, a permanent one, and is the user enabled?',
      });
    };

  return {
    list,
    async remove(user, factor) {
      if (!(await list(user)).some(({ id }) => id === factor)) return;
      await pool.tell((client, call) => client.adminDeleteSoftwareToken({ UserPoolId: pool.id, Username: user }, call));
    },
    begin: signIn && begin(signIn),
  };
}
