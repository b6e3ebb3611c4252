import { connection } from '../adapters/connection-forms.ts';
import { FlowError } from '../foundation/errors.ts';
import { form, required } from '../language/forms.ts';
import { writeStep } from './contract.ts';
import { userOf } from './procedures/account-at-provider.ts';

export const idpEndSessions = writeStep({
  name: 'idp/end-sessions',
  summary: 'Ends what a user is signed in to: sessions, refresh tokens and offline tokens.',
  effect: 'write',
  with: {
    provider: required(connection('identity-providers', { needs: ['end-sessions'] }), 'the identity provider', {
      example: '${{ identity-providers.main }}',
    }),
    user: required(form.text(), "the user's id at the provider", { example: '${{ steps.user.id }}' }),
  },
  output: {},
  async plan({ provider, user: id }) {
    if (provider === undefined || id === undefined) {
      return { changes: [{ action: 'revoke', what: 'the sessions of a user', detail: 'known after run' }] };
    }
    const user = await userOf(provider, id);
    const what = `the sessions of user "${user.userName}" at ${provider.address}`;
    // how many there are is asked of nobody: they come and go
    return {
      changes: [{ action: 'revoke', what, detail: 'tokens that an API verifies by itself live until they end' }],
    };
  },
  async run({ provider, user: id }, context) {
    if (provider.endSessions === undefined) {
      throw new FlowError('refused', 'the identity provider cannot end sessions', {
        place: { subject: provider.address },
      });
    }
    await provider.endSessions(id);
    const { sessionsLag } = provider.traits;
    if (sessionsLag > 0) context.progress(`the sessions end within ${sessionsLag} s`);
    return {};
  },
});
