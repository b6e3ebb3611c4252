import { connection } from '../adapters/connection-forms.ts';
import { FlowError } from '../foundation/errors.ts';
import { form, required } from '../language/forms.ts';
import { pureStep } from './contract.ts';

export const idpFindUser = pureStep({
  name: 'idp/find-user',
  summary: 'Finds a user by the user name, for steps that act on one which no flow has made.',
  effect: 'none',
  with: {
    provider: required(connection('identity-providers'), 'the identity provider', {
      example: '${{ identity-providers.main }}',
    }),
    username: required(form.text(), 'the user name'),
  },
  output: { id: { type: 'text', description: "the user's id at the provider" } },
  scalar: 'id',
  async run({ provider, username }) {
    const user = await provider.find(username);
    if (user !== undefined) return { id: user.id };
    throw new FlowError('not-found', `no user has the name "${username}" at ${provider.address}`, {
      hint: 'is it the name that the user signs in with, and may the token see the user?',
    });
  },
});
