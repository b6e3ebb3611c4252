import { describe, expect, it } from 'vitest';
import { adaptersOf, type Address, type Settings } from '../../src/adapters/declaration.ts';
import { identityProviders } from '../../src/adapters/identity/index.ts';
import { issuers } from '../../src/adapters/issuers/index.ts';
import type { LaptopStack } from '../../src/adapters/laptop-stack.ts';
import { stores } from '../../src/adapters/stores/index.ts';
import { vaultKeys } from '../../src/adapters/vaults/adapter.ts';
import { vaults } from '../../src/adapters/vaults/index.ts';
import { takeEnvironment } from '../../src/foundation/environment-variables.ts';
import { createWay } from '../../src/foundation/proxy.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { form, optional } from '../../src/language/forms.ts';

const secret = new Secret('only for this test');
/** Port 9 is discard: whoever contacts it gets an error. */
const nowhere = 'http://127.0.0.1:9';
const stack: LaptopStack = {
  pid: 1,
  dir: '/flows',
  vault: { address: nowhere, token: secret, connectToken: secret },
  issuer: nowhere,
  scim: { url: `${nowhere}/scim/v2`, token: secret },
  doubles: Object.fromEntries(
    ['keycloak/realms/main', 'auth0', 'okta', 'entra', 'cognito'].map((path) => [
      path.split('/')[0],
      { url: `${nowhere}/${path}`, token: secret, proof: { clientId: 'proof', clientSecret: secret } },
    ]),
  ),
  signIn: { clientId: 'sign-in', redirectUri: `${nowhere}/callback` },
  secretsManager: {
    endpoint: nowhere,
    region: 'eu-west-1',
    account: '123456789012',
    accessKeyId: 'AKIA',
    secretAccessKey: secret,
  },
  ordersApi: nowhere,
};
const services = {
  name: 'main',
  development: true,
  now: () => 0,
  taken: takeEnvironment({}),
  stateFolder: '/nowhere',
  warn: () => undefined,
  fingerprintKeys: undefined,
  token: undefined,
  issuer: () => ({ url: nowhere }),
  way: createWay(undefined),
};

/** As the rooms have them in common. */
interface Any {
  readonly type: string;
  readonly keys: Settings;
  laptop?(stack: LaptopStack): Settings;
  addresses(settings: Settings): readonly Address[];
  load(): Promise<{ create(settings: Settings, given: typeof services): object }>;
}

const rooms = { vaults, issuers, 'identity-providers': identityProviders, stores };
const all = Object.entries(rooms).flatMap(([room, found]) =>
  [...found.values()].map((adapter) => [`${room}: ${adapter.type}`, adapter as unknown as Any] as const),
);

describe.each(all)('%s', (_, adapter) => {
  const settings = adapter.laptop?.(stack);

  it('says of the laptop’s settings all that its keys could', () => {
    expect(settings === undefined ? [] : Object.keys(settings)).toEqual(
      expect.arrayContaining(settings === undefined ? [] : Object.keys(adapter.keys)),
    );
  });

  it('talks on the laptop to this machine alone', () => {
    const addresses = settings === undefined ? [] : adapter.addresses(settings);
    expect(addresses.flatMap(({ url = '' }) => url).filter((url) => url !== '' && !url.startsWith(nowhere))).toEqual(
      [],
    );
  });

  it('tells its addresses while nothing is known yet', () => {
    expect(adapter.addresses({}).filter(({ url }) => url !== undefined && url !== '')).toEqual([]);
  });

  it('is made without contacting anything', async () => {
    const { create } = await adapter.load();
    expect(settings === undefined ? {} : create(settings, services)).toEqual(expect.any(Object));
  });
});

describe('adapters of a room', () => {
  const adapter = (type: string, keys = {}, plain: readonly string[] = []) => ({ type, keys, plain });
  const key = optional(form.text(), 'a key');

  it.each([
    [[adapter('Mine')], /"Mine": its type is not a lower-case name/],
    [[adapter('mine'), adapter('mine')], /"mine": registered twice/],
    [[adapter('mine', { Path: key })], /"mine": key "Path" is not a lower-case name/],
    [[adapter('mine', { vaults: key })], /"mine": its room has the key "vaults" for all/],
    [[adapter('mine', { type: key })], /"mine": its room has the key "type" for all/],
    [[adapter('mine', { path: key }, ['path', 'place'])], /"mine": "place" is plain, and no key of it/],
  ])('case %#: hold the rules', (adapters, rule) => {
    expect(() => adaptersOf(vaultKeys, adapters)).toThrow(rule);
  });

  it('are known by their types', () => {
    const known = adaptersOf(vaultKeys, [adapter('one', { path: key }, ['path', 'type']), adapter('two')]);
    expect([...known.keys()]).toEqual(['one', 'two']);
  });
});
