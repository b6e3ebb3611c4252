import type { Secret } from '../../../foundation/secret.ts';
import { form, optional, withDefault, type Keys } from '../../../language/forms.ts';
import { readToken } from '../../read-token.ts';
import { vaultAdapter } from '../adapter.ts';
import { quotaOf } from './quota-settings.ts';
import { serviceAccountSetup } from './service-account-setup.ts';

const requests = form.number({ integer: true, minimum: 1, maximum: 10_000_000 });

/** Without a plan the numbers are those of the largest, so that nothing is refused that the service would take. */
const quotaKeys = {
  plan: withDefault(
    form.oneOf('business', 'teams', 'individual'),
    'business',
    'the account’s plan at 1Password, whose published limits are kept',
  ),
  hour: optional(requests, 'reads in an hour with this token, instead of the plan’s'),
  'hour-writes': optional(requests, 'writes in an hour with this token, instead of the plan’s'),
  day: optional(requests, 'requests in a day with all tokens of the account, instead of the plan’s'),
  reserve: withDefault(
    form.text({ pattern: /^\d{1,2}%$/, expects: 'a share, as in 10%' }),
    '10%',
    'the share of each limit that only flows with `break-glass: true` may use',
  ),
} satisfies Keys;

const keys = {
  token: optional(form.tokenSource(), 'where the service account token is: one of the keys', {
    example: '{ file: /run/credentials/agents }',
  }),
  account: optional(form.text(), 'account name of the desktop app, instead of a token: Touch ID once'),
  quota: optional(form.object(quotaKeys), 'what this machine may ask of the service; for a token', {
    example: '{ plan: teams, reserve: 20% }',
  }),
} satisfies Keys;

const hint = 'write token: { env: NAME }, { file: PATH } or { command: [PROGRAM, …] }, or account: NAME';

/** 1Password, by its SDK: a service account's token, or the desktop app. */
export const onepassword = vaultAdapter<typeof keys, { readonly laptopToken: Secret }>({
  type: 'onepassword',
  keys,
  plain: [],
  // where it signs in stands in the token, and is looked at there
  addresses: () => [],
  check(_, given) {
    const places = Number(given.has('token')) + Number(given.has('account'));
    if (places === 0) return [{ key: '', problem: 'this entry has no token', hint }];
    if (places === 2) return [{ key: '', problem: 'this entry has a token and an account', hint }];
    if (!given.has('quota') || !given.has('account')) return [];
    return [{ key: 'quota', problem: 'the desktop app has no quota', hint: 'write quota: beside a token' }];
  },
  setup: serviceAccountSetup,
  laptop: ({ vault: { token } }) => ({ laptopToken: token, token: undefined, account: undefined, quota: undefined }),
  async load() {
    const { createOnePasswordVault } = await import('./vault.ts');
    return {
      create({ token, account, quota, laptopToken }, { development, taken, way }) {
        if (account !== undefined) return createOnePasswordVault({ account, development });
        // the laptop's vault has no quota
        if (laptopToken !== undefined)
          return createOnePasswordVault({ token: () => Promise.resolve(laptopToken), development });
        if (token === undefined) throw new TypeError('no token: the check at load lets none through');
        const rereads = 'file' in token;
        return createOnePasswordVault({
          token: () => readToken(token, taken),
          rereads,
          development,
          quota: quotaOf(quota),
          way,
        });
      },
    };
  },
});
