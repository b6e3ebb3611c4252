import { deriveKey, ownershipMark } from '../../src/foundation/key-derivation.ts';
import { startIdentityProvider, type DevelopmentIdentityProvider } from '../../src/laptop/identity-provider/server.ts';
import type { ClientSeed } from '../../src/laptop/identity-provider/options.ts';
import { startVault, type DevelopmentVault } from '../../src/laptop/vault/server.ts';
import type { StepContext } from '../../src/steps/contract.ts';
import type { Factors, IdentityProvider, SignIn, User } from '../../src/adapters/identity/contract.ts';
import { createAuth0Provider } from '../../src/adapters/identity/auth0/provider.ts';
import { createEntraProvider } from '../../src/adapters/identity/entra/provider.ts';
import { createKeycloakProvider } from '../../src/adapters/identity/keycloak/provider.ts';
import { createOktaProvider } from '../../src/adapters/identity/okta/provider.ts';
import { createScimProvider } from '../../src/adapters/identity/scim/provider.ts';
import { createSignIn } from '../../src/adapters/identity/sign-in-pages/sign-in.ts';
import { Secret } from '../../src/foundation/secret.ts';
import type { Item, Vault } from '../../src/adapters/vaults/contract.ts';
import { createOnePasswordVault } from '../../src/adapters/vaults/onepassword/vault.ts';
import { createConnectVault } from '../../src/adapters/vaults/onepassword-connect/vault.ts';

/** The clock of the steps and of the provider's one-time codes; a sleep moves it on. */
export interface Clock {
  readonly now: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
  /** all sleeps so far, milliseconds */
  slept(): number;
  advance(milliseconds: number): void;
}

export function createClock(start = Date.now()): Clock {
  let now = start;
  let slept = 0;
  const sleepers: { readonly at: number; wake(): void }[] = [];
  // whoever wakes first, first: sleeps side by side overlap
  const tick = () => {
    const next = sleepers.toSorted((a, b) => a.at - b.at)[0];
    if (next === undefined) return;
    sleepers.splice(sleepers.indexOf(next), 1);
    now = Math.max(now, next.at);
    next.wake();
    setImmediate(tick);
  };
  return {
    now: () => now,
    sleep: (milliseconds) => {
      slept += milliseconds;
      return new Promise((wake) => {
        sleepers.push({ at: now + milliseconds, wake });
        if (sleepers.length === 1) setImmediate(tick);
      });
    },
    slept: () => slept,
    advance: (milliseconds) => {
      now += milliseconds;
    },
  };
}

/** milliseconds of a request: forty at once, each of which hashes a password, are no trouble of the provider's */
const deadline = 120_000;
const redirectUri = 'http://127.0.0.1/flows/callback';
const ownershipKey = deriveKey(new Secret('a test'), 'ownership');

export interface Laptop {
  readonly clock: Clock;
  readonly idp: DevelopmentIdentityProvider;
  readonly server: DevelopmentVault;
  readonly vault: Vault;
  readonly provider: IdentityProvider & { readonly signIn: SignIn };
  /** the same users at the laptop's Keycloak, which proves accounts without pages */
  readonly keycloak: Capable;
  /** the same users at the other providers that the laptop plays, by their types */
  readonly others: Readonly<Record<'auth0' | 'okta' | 'entra', IdentityProvider>>;
  /** a login item as vault/create-login makes it, with a password of the vault's own */
  login(username: string): Promise<Item>;
  /** a user with the password of the item */
  user(item: Item, username: string): Promise<User>;
  context(changes?: Partial<StepContext>): StepContext & { readonly told: string[] };
  close(): Promise<void>;
}

type Capable = IdentityProvider & {
  readonly factors: Required<Omit<Factors, 'begin'>>;
  readonly proof: SignIn;
  readonly setPassword: NonNullable<IdentityProvider['setPassword']>;
};

/**
 * The development servers, and the real clients on top of them.
 * @param by how the vault is asked: the SDK's sign-in is a second of work, and its writes are slow too
 */
export async function startLaptop(clients: readonly ClientSeed[] = [], by: 'sdk' | 'connect' = 'sdk'): Promise<Laptop> {
  const clock = createClock();
  const scimToken = new Secret(`scim-${crypto.randomUUID()}`);
  const proof = { clientId: 'proof', clientSecret: new Secret(crypto.randomUUID()) };
  const [server, idp] = await Promise.all([
    startVault({ vaults: [{ name: 'Accounts', items: [] }] }),
    startIdentityProvider({
      clients: [{ clientId: 'sign-in', redirectUris: [redirectUri] }, ...clients],
      scimToken,
      proof,
      now: clock.now,
    }),
  ]);
  const token = by === 'sdk' ? server.token() : server.connectToken();
  const options = { token: async () => token, development: true } as const;
  const vault =
    by === 'sdk'
      ? createOnePasswordVault(options)
      : createConnectVault({ ...options, url: server.address, now: Date.now, deadline });
  const signIn = createSignIn({
    issuerUrl: idp.issuer,
    clientId: 'sign-in',
    redirectUri,
    pages: 'keycloak',
    development: true,
  });
  const scim = createScimProvider({
    name: 'main',
    url: idp.scimUrl,
    token: async () => scimToken,
    development: true,
    deadline,
    signIn,
    clientSecrets: 'ClientSecrets',
  });
  const double = (type: string) => ({
    name: 'main',
    url: idp.doubles[type] ?? '',
    token: async () => scimToken,
    development: true,
    deadline,
    now: clock.now,
    sleep: clock.sleep,
    proof: { clientId: proof.clientId, clientSecret: async () => proof.clientSecret },
  });
  const keycloak = createKeycloakProvider(double('keycloak'));
  const others = {
    auth0: createAuth0Provider({ ...double('auth0'), connection: 'Username-Password-Authentication' }),
    okta: createOktaProvider(double('okta')),
    entra: createEntraProvider({ ...double('entra'), mark: 'extensionAttribute15', preview: true }),
  };
  const locks = new Map<string, Promise<unknown>>();
  const context: Laptop['context'] = (changes = {}) => {
    const told: string[] = [];
    const common: StepContext = {
      flow: 'new-user',
      step: 'step',
      environment: 'test',
      agent: 'local:ada',
      vault,
      read: async (reference) => {
        const value = (await (changes.vault ?? vault).read([reference])).get(reference.toString());
        if (value instanceof Secret) return value;
        throw value ?? new Error('not read');
      },
      ownershipMarks: async (identifying) => [ownershipMark(ownershipKey, 'new-user', 'step', identifying)],
      derivedKeys: async () => [ownershipKey],
      locked: (name, work) => {
        const mine = (locks.get(name) ?? Promise.resolve()).then(work, work);
        locks.set(
          name,
          mine.catch(() => undefined),
        );
        return mine;
      },
      clockSkew: async () => undefined,
      now: clock.now,
      sleep: clock.sleep,
      signal: new AbortController().signal,
      options: new Set(),
      warn: (message) => void told.push(message),
      progress: (message) => void told.push(message),
      waiting: (why) => {
        told.push(why);
        return () => undefined;
      },
      renewed: () => Promise.resolve(undefined),
      idempotencyKey: 'of-the-test',
      revoked: (token) => void told.push(`revoked ${token.hash()}`),
      askForValue: () => Promise.reject(new Error('nobody is asked')),
      askPeople: () => Promise.reject(new Error('nobody is asked')),
    };
    return { ...common, ...changes, told };
  };
  return {
    clock,
    idp,
    server,
    vault,
    provider: { ...scim, signIn },
    // what it has is what the contract suite holds it to
    keycloak: keycloak as Capable,
    others,
    context,
    async login(username) {
      if (vault.items === undefined) throw new Error('no items');
      const tags = [ownershipMark(ownershipKey, 'new-user', 'login', { username })];
      const password = { length: 32, digits: true, symbols: true };
      return vault.items.createLogin({ vault: 'Accounts', title: username, username, password, tags });
    },
    async user(item, username) {
      const password = await context().read(item.reference.sibling('password'));
      const name = { givenName: 'Ada', familyName: 'Example' };
      return scim.create({ userName: username, email: username, ...name, password, mark: 'x' });
    },
    async close() {
      await Promise.all([vault.close(), idp.close(), server.close()]);
    },
  };
}

let count = 0;

/** A user name that no other test of the file has. */
export function someone(): string {
  count += 1;
  return `user-${count}@example.com`;
}
