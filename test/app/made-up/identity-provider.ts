import { form, required } from '../../../src/language/forms.ts';
import { identityProviderAdapter } from '../../../src/adapters/identity/adapter.ts';
import type { User } from '../../../src/adapters/identity/contract.ts';

const keys = { realm: required(form.text(), 'its name') };

/** A provider whose users are forgotten with the process. */
export const memoryProvider = identityProviderAdapter<typeof keys>({
  type: 'memory',
  keys,
  plain: ['realm'],
  addresses: () => [],
  place: ({ realm }) => `realm ${realm}`,
  lacks: (_, need) => ({ problem: `cannot do ${need}`, hint: 'use another provider' }),
  load: () =>
    Promise.resolve({
      create({ realm }) {
        const users = new Map<string, User>();
        return {
          address: realm,
          find: (name) => Promise.resolve([...users.values()].find(({ userName }) => userName === name)),
          get: (id) => Promise.resolve(users.get(id)),
          create({ userName, externalId }) {
            const user = { id: String(users.size + 1), userName, externalId, active: true };
            users.set(user.id, user);
            return Promise.resolve(user);
          },
          disable: () => Promise.resolve(),
        };
      },
    }),
});
