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
  offers: [],
  load: () =>
    Promise.resolve({
      create({ realm }) {
        const users = new Map<string, User>();
        return {
          address: realm,
          traits: { mark: 'memory', lookUpLag: 0, sessionsLag: 0, disabling: 'final', birth: 'password-alone' },
          find: (name) => Promise.resolve([...users.values()].find(({ userName }) => userName === name)),
          get: (id) => Promise.resolve(users.get(id)),
          create({ userName, mark }) {
            const user = { id: String(users.size + 1), userName, mark, active: true };
            users.set(user.id, user);
            return Promise.resolve(user);
          },
          disable: () => Promise.resolve(),
        };
      },
    }),
});
