import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunningStack } from '../../src/laptop/start-stack.ts';
import { someOf } from '../long/amounts.ts';
import { birthFlow } from './birth-flow.ts';
import { type Boundary, killedAt } from './boundaries.ts';
import { createHome, type Home } from './home.ts';

type Changes = Readonly<Record<string, readonly [request: RegExp, nth: number]>>;

/** A provider that the laptop plays: how an account gets its second factor there, and what of that changes something. */
interface Provider {
  /** the vault's own seed, from its making on where there is no moment without it; or one of the provider's */
  readonly seed: 'born with it' | 'imported' | 'theirs';
  readonly changes: Changes;
}

const items = '/v1/vaults/\\w+/items';
const atVault = {
  'the item is made': [new RegExp(`^POST ${items} `), 1],
  'the seed is stored': [new RegExp(`^PUT ${items}/`), 1],
} satisfies Changes;
const proved = { 'the item is marked as proved': [new RegExp(`^PUT ${items}/`), 2] } satisfies Changes;
const realm = '/keycloak/(?:admin/)?realms/main';
const providers: Readonly<Record<string, Provider>> = {
  keycloak: {
    seed: 'born with it',
    changes: {
      ...atVault,
      'the user is born': [new RegExp(`^POST ${realm}/users `), 1],
      'the provider is told to ask for no other': [new RegExp(`^PUT ${realm}/users/`), 1],
      'the seed is imported again': [new RegExp(`^PUT ${realm}/users/`), 2],
      'the code is given': [/^POST \/interaction\/[\w-]+\/otp/, 1],
      'the sign-in ended': [/^POST \/session\/end\/confirm/, 1],
      ...proved,
    },
  },
  auth0: {
    seed: 'imported',
    changes: {
      ...atVault,
      'the user is made': [/^POST \/auth0\/api\/v2\/users /, 1],
      'the seed is imported': [/^POST \/auth0\/\S+\/authentication-methods /, 1],
      'the code is given': [/^POST \/auth0\/oauth\/token /, 2],
      ...proved,
    },
  },
  okta: {
    seed: 'theirs',
    changes: {
      ...atVault,
      'the user is made': [/^POST \/okta\/api\/v1\/users\?/, 1],
      'the factor is begun': [/^POST \/okta\/\S+\/factors /, 1],
      'the factor is activated': [/^POST \/okta\/\S+\/activate /, 1],
      'the code is given': [/^POST \/okta\/oauth2\/v1\/token /, 2],
      ...proved,
    },
  },
  entra: {
    seed: 'imported',
    changes: {
      ...atVault,
      'the user is made': [/^POST \/entra\/v1\.0\/users /, 1],
      'the device is made': [/^POST \/entra\/\S+\/hardwareOathDevices /, 1],
      'the device is activated': [/^POST \/entra\/\S+\/assignAndActivateBySerialNumber /, 1],
    },
  },
  cognito: {
    seed: 'theirs',
    changes: {
      ...atVault,
      'the user is made': [/^POST \/cognito\S* \w+\.AdminCreateUser$/, 1],
      'its password is in force': [/^POST \/cognito\S* \w+\.AdminSetUserPassword$/, 1],
      'the seed is asked for': [/^POST \/cognito\S* \w+\.AssociateSoftwareToken$/, 1],
      'the seed is verified': [/^POST \/cognito\S* \w+\.VerifySoftwareToken$/, 1],
      'the seed is chosen': [/^POST \/cognito\S* \w+\.AdminSetUserMFAPreference$/, 1],
      'the code is given': [/^POST \/cognito\S* \w+\.AdminRespondToAuthChallenge$/, 1],
      ...proved,
    },
  },
};

const kills = someOf(
  Object.entries(providers).flatMap(([type, { changes }]) =>
    Object.entries(changes).flatMap(([what, [request, nth]], index) =>
      (['start', 'finish'] as const).map((when) => ({
        type,
        what: `${when}: ${what}`,
        email: `${when}-${index}@example.com`,
        at: { request, nth, when } satisfies Boundary,
      })),
    ),
  ),
  'kills of a birth',
);

const chosen = Object.entries(providers).filter(([type]) => kills.some((kill) => kill.type === type));
// a provider has a home of its own: one may make a birth wait for a minute, and the others go on
const homes = new Map<string, { readonly home: Home; readonly stack: RunningStack }>();
beforeAll(async () => {
  for (const [type, provider] of chosen) {
    // it is about providers: asked by Connect, the vault has no sign-in, which is much of the work of a short command
    const home = createHome(false, 'onepassword-connect');
    home.write('flows/service.yaml', 'default-environment: development\nenvironments: { development: {} }\n');
    home.write('flows/development.yaml', `identity-providers: { ${type}: { type: ${type} } }\n`);
    home.write('flows/birth.yaml', birthFlow('development', type, provider.seed !== 'theirs'));
    homes.set(type, { home, stack: await home.stack() });
  }
});
afterAll(() => Promise.all([...homes.values()].map(({ home }) => home.close())));

/** One item with one seed, and one user with one factor. */
function expectOne({ vault, identityProvider }: RunningStack, what: string, email: string): void {
  const found = vault.dump().filter(({ title }) => title === email);
  expect([what, found.map(({ state }) => state)]).toEqual([what, ['active']]);
  const fields = found[0]?.fields ?? [];
  expect([what, fields.filter(({ kind }) => kind === 'one-time-password').length]).toEqual([what, 1]);
  expect([what, fields.filter(({ label }) => label === 'previous')]).toEqual([what, []]);
  const users = identityProvider.users().filter(({ userName }) => userName === email);
  expect([what, users]).toEqual([what, [expect.objectContaining({ factors: 1 })]]);
}

test.concurrent.for(chosen)(
  'a birth at %s that is killed at any change is completed by the next run, with one item and one user',
  { timeout: 900_000 },
  async ([type, { seed }]) => {
    const { home, stack } = homes.get(type) ?? {};
    if (home === undefined || stack === undefined) throw new TypeError(type);
    const birth = (email: string) => ['birth', '--email', email, '--yes'];
    const here = kills.filter((kill) => kill.type === type);
    for (const { what, email, at } of here) {
      const { signal, stderr } = await killedAt(home.start(birth(email)), stack, at);
      expect([what, signal, signal === null ? stderr : '']).toEqual([what, 'SIGKILL', '']);
      // in this one way there is never an account with a password and no second factor
      const isBare = stack.identityProvider.user(email)?.factors === 0;
      expect([what, seed === 'born with it' && isBare]).toEqual([what, false]);
    }
    const again = await home.beside(here.map(({ email }) => birth(email)));
    for (const [index, { what, email }] of here.entries()) {
      const { code, stderr } = again[index] ?? {};
      expect([what, code, code === 0 ? '' : stderr]).toEqual([what, 0, '']);
      expectOne(stack, what, email);
    }
  },
);
