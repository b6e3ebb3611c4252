import { connection } from '../adapters/connection-forms.ts';
import { form, required } from '../language/forms.ts';
import { writeStep } from './contract.ts';
import { userOf } from './procedures/account-at-provider.ts';

export const idpDisableUser = writeStep({
  name: 'idp/disable-user',
  summary: 'Disables a user at the identity provider; nothing is deleted.',
  effect: 'write',
  with: {
    provider: required(connection('identity-providers'), 'the identity provider', {
      example: '${{ identity-providers.main }}',
    }),
    user: required(form.text(), "the user's id at the provider", { example: '${{ steps.user.id }}' }),
  },
  output: {},
  async plan({ provider, user: id }) {
    if (provider === undefined || id === undefined) {
      return { changes: [{ action: 'disable', what: 'a user', detail: 'known after run' }] };
    }
    const user = await userOf(provider, id);
    const what = `user "${user.userName}" at ${provider.address}`;
    if (user.active) return { changes: [{ action: 'disable', what }] };
    return { changes: [{ action: 'none', what, detail: 'is disabled' }], output: {} };
  },
  async run({ provider, user }) {
    await provider.disable(user);
    return {};
  },
});
