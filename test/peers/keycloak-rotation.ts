import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { calculateJwkThumbprint } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createIssuer } from '../../src/adapters/issuers/openid/issuer.ts';
import type { Vault } from '../../src/adapters/vaults/contract.ts';
import { createOnePasswordVault } from '../../src/adapters/vaults/onepassword/vault.ts';
import { errorCodes, FlowError } from '../../src/foundation/errors.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { type DevelopmentSecretsManager, startSecretsManager } from '../../src/laptop/secrets-manager/server.ts';
import { type DevelopmentVault, startVault } from '../../src/laptop/vault/server.ts';
import { ref } from '../contracts/vault.ts';
import { type Boundary, killedAt } from '../e2e/boundaries.ts';
import { createHome, type Home } from '../e2e/home.ts';
import type { Keycloak } from './keycloak.ts';
import { type Gate, openGate } from './keycloak-gate.ts';
import { audience, makeRealm, type Realm } from './keycloak-realm.ts';
import { keycloakService, realmTokenFlow } from './keycloak-service.ts';

/** Rotations that are killed at a moment of no meaning, beside those at each boundary; e2e/ has 50 at the laptop's issuer. */
const randomKills = 2;
/** milliseconds that a former key stays live: a reader that reads again within it is never refused */
const overlap = 1_000;

/** Clients whose credential rotates at a real Keycloak, under readers of the vault and of AWS that call all the time. */
export function keycloakRotation(keycloak: () => Keycloak): void {
  describe('a rotation', () => {
    let realm: Realm;
    let vault: DevelopmentVault;
    let secretsManager: DevelopmentSecretsManager;
    let gate: Gate;
    let home: Home;
    let reading: Vault;
    let aws: SecretsManagerClient;
    let env: Readonly<Record<string, string>>;

    beforeAll(async () => {
      realm = await makeRealm(keycloak(), 'rotation');
      const key = await firstKey(realm);
      [vault, secretsManager, gate] = await Promise.all([
        startVault({ vaults: vaultFor(realm, key) }),
        startSecretsManager(),
        openGate(keycloak().url),
      ]);
      const { accessKeyId, secretAccessKey } = secretsManager.credentials;
      env = {
        VAULT_TOKEN: vault.connectToken().reveal(),
        AWS_ACCESS_KEY_ID: accessKeyId,
        AWS_SECRET_ACCESS_KEY: secretAccessKey.reveal(),
      };
      home = createHome(false);
      const store = `type: aws-secrets-manager, region: eu-west-1, endpoint: '${secretsManager.address}'`;
      const more = `    stores:\n      aws: { ${store} }\n`;
      const service = keycloakService({ realm: `${gate.url}/realms/rotation`, vault: vault.address, more });
      home.write('flows/service.yaml', service);
      home.write('flows/realm-token.yaml', realmTokenFlow);
      home.write('flows/rotate-key.yaml', rotate('key'));
      home.write('flows/rotate-secret.yaml', rotate('secret'));
      const token = vault.token();
      reading = createOnePasswordVault({ token: async () => token, development: true, deadline: 90_000 });
      aws = new SecretsManagerClient({
        region: secretsManager.region,
        endpoint: secretsManager.address,
        credentials: { accessKeyId, secretAccessKey: secretAccessKey.reveal() },
      });
    });
    afterAll(async () => {
      aws?.destroy();
      await home?.close();
      await Promise.all([reading?.close(), gate?.close(), secretsManager?.close(), vault?.close()]);
    });

    const flows = (...args: string[]) => home.flows([...args, '--environment', 'keycloak', '--yes'], { env });
    async function inVault(...references: string[]): Promise<readonly (Secret | undefined)[]> {
      const found = await reading.read(references.map(ref));
      return references.map((each) => {
        const value = found.get(ref(each).toString());
        return value instanceof Secret ? value : undefined;
      });
    }
    async function inAws(name: string): Promise<Secret> {
      const { SecretString: text = '' } = await aws.send(new GetSecretValueCommand({ SecretId: name }));
      return new Secret(text);
    }
    /** Asks for a token as an API's client does, with what a reader has. @returns whether it got one */
    function tokens(clientId: string, kind: 'clientKey' | 'clientSecrets') {
      const issuer = createIssuer({ name: 'main', url: realm.issuer, development: true, deadline: 90_000 });
      return async (...values: readonly (Secret | undefined)[]): Promise<boolean> => {
        const all = values.flatMap((value, index) =>
          value === undefined ? [] : [{ label: `op://a/b/${index}`, read: async () => value }],
        );
        const credentials = kind === 'clientKey' ? { clientKey: all[0] } : { clientSecrets: all };
        return issuer
          .clientCredentials({ clientId, audience, tokenFormat: 'jwt', warn: () => undefined, ...credentials })
          .then(
            () => true,
            (error: unknown) => {
              if (error instanceof FlowError && error.code === 'denied') return false;
              throw error;
            },
          );
      };
    }
    /** Runs a flow until it rotates: a value that is younger than a second is left. @returns the former one */
    async function rotated(flow: string, reference: string, ...args: string[]): Promise<Secret | undefined> {
      const [former] = await inVault(reference);
      const isFormer = async () => {
        const { code, stderr } = await flows(flow, ...args);
        expect([code, code === 0 ? '' : stderr]).toEqual([0, '']);
        return (await inVault(reference))[0]?.reveal() === former?.reveal();
      };
      await expect.poll(isFormer).toBe(false);
      return former;
    }
    const fieldsOf = (title: string) => vault.dump().find((item) => item.title === title)?.fields ?? [];

    test('of a key, killed at any boundary and at random, is completed by the next run, and no call is refused', async () => {
      const field = 'op://Agents/Orders Key/key';
      await rotated('rotate-key', field);
      const withKey = tokens('orders-key', 'clientKey');
      const readers = [async () => (await inVault(field))[0], async () => inAws('peer/orders-key')];
      const calling = readers.map((read) => callAgain(read, withKey));
      const at = { addresses: { vault, issuer: gate.url, secretsManager: { endpoint: secretsManager.address } } };
      const start = () => home.start(['rotate-key', '--environment', 'keycloak', '--yes'], { env });
      const inForce = new Set<string>();
      for (const { what, after, boundary } of kills) {
        const running = start();
        const timer = after === undefined ? undefined : setTimeout(() => running.child.kill('SIGKILL'), after);
        const { signal, code: ended, stderr } = await killedAt(running, at, boundary ?? never);
        clearTimeout(timer);
        // at random it may have been over
        const wasKilled = signal === 'SIGKILL' || (after !== undefined && ended === 0);
        expect([what, wasKilled, wasKilled ? '' : stderr]).toEqual([what, true, '']);
        const { code, stderr: why } = await flows('rotate-key');
        expect([what, code, code === 0 ? '' : why]).toEqual([what, 0, '']);
        const fields = fieldsOf('Orders Key');
        expect([what, fields.map(({ label }) => label).toSorted()]).toEqual([what, ['key', 'username']]);
        inForce.add(fields.find(({ label }) => label === 'key')?.value ?? '');
      }
      const told = await Promise.all(calling.map(async (each) => each.end()));
      const [calls, refused, late] = (['calls', 'refused', 'late'] as const).map((what) =>
        told.reduce((sum, each) => sum + each[what], 0),
      );
      tell(
        `Keycloak, two keys: ${inForce.size} rotations, ${kills.length} of them killed; ${calls} calls by readers of the ` +
          `vault and of AWS, ${refused} refused; ${late} more were refused later than ${overlap} ms after their key was read, and do not count`,
      );
      expect(inForce.size).toBe(kills.length);
      expect(told.every(({ calls: each }) => each > kills.length)).toBe(true);
      expect(refused).toBe(0);
    }, 900_000);

    test('of the one secret that can live is refused without --accept-gap; with it, the gap is as long as is told', async () => {
      const secret = 'op://Agents/Orders M2M/credential';
      const refused = await flows('rotate-secret');
      expect([refused.code, refused.stderr]).toEqual([
        errorCodes.conflict.exit,
        expect.stringContaining('--accept-gap'),
      ]);
      expect(await flows('rotate-secret', '--accept-gap')).toMatchObject({ code: 0 });
      const withSecret = tokens('orders', 'clientSecrets');
      const readers = {
        'of the vault': async () => withSecret(...(await inVault(secret))),
        'of AWS': async () => withSecret(await inAws('peer/orders-secret')),
        'of the vault that takes the next one too': async () =>
          withSecret(...(await inVault(secret, `${secret} (next)`))),
      };
      const gaps = Object.entries(readers).map(([name, call]) => [name, watchGaps(call)] as const);
      for (let round = 0; round < 3; round += 1) {
        const former = await rotated('rotate-secret', secret, '--accept-gap');
        expect(
          fieldsOf('Orders M2M')
            .map(({ label }) => label)
            .toSorted(),
        ).toEqual(['credential', 'username']);
        expect([await withSecret(former), await withSecret(...(await inVault(secret)))]).toEqual([false, true]);
      }
      for (const [name, watched] of gaps) {
        const found = await watched.end();
        expect(found.last).toBe('accepted');
        const lengths = found.gaps.map((gap) => Math.round(gap)).join(', ');
        tell(`Keycloak, one secret: a reader ${name} was refused for ${lengths === '' ? '0' : lengths} ms`);
      }
    }, 300_000);
  });
}

const never: Boundary = { request: /^$/, nth: 1, when: 'start' };
const items = '/v1/vaults/\\w+/items/';
const requests = {
  'the next key is staged': [new RegExp(`^PUT ${items}`), 1],
  'it is added at Keycloak': [/^PUT \/admin\/realms\/rotation\/clients\//, 1],
  'it is proven': [/^POST \/realms\/rotation\/protocol\/openid-connect\/token/, 2],
  'it is pushed': [/secretsmanager\.PutSecretValue$/, 1],
  'it is promoted': [new RegExp(`^PUT ${items}`), 2],
  'the former one is retired': [/^PUT \/admin\/realms\/rotation\/clients\//, 2],
  'the former one is dropped': [new RegExp(`^PUT ${items}`), 3],
} as const;
const kills: readonly { readonly what: string; readonly after?: number; readonly boundary?: Boundary }[] = [
  ...Object.entries(requests).flatMap(([what, [request, nth]]) =>
    (['start', 'finish'] as const).map((when) => ({ what: `${when}: ${what}`, boundary: { request, nth, when } })),
  ),
  ...Array.from({ length: randomKills }, (_, index) => ({ what: `at random ${index}`, after: 300 + index * 700 })),
];

/** A service that reads its key again now and then, and calls all the time: what it was told of those in time. */
function callAgain(read: () => Promise<Secret | undefined>, call: (value: Secret | undefined) => Promise<boolean>) {
  const told = { calls: 0, refused: 0, late: 0, ends: false };
  const calling = (async () => {
    while (!told.ends) {
      const readAt = performance.now();
      const value = await read();
      for (let count = 0; count < 3 && !told.ends; count += 1) {
        const accepted = await call(value);
        // on a machine that is too busy for it, it has not kept to what it is asked for
        const inTime = performance.now() - readAt <= overlap;
        told.calls += inTime || accepted ? 1 : 0;
        told.refused += inTime && !accepted ? 1 : 0;
        told.late += inTime || accepted ? 0 : 1;
        // two of them: ten calls in a second
        await new Promise((wake) => void setTimeout(wake, 200));
      }
    }
  })();
  // a test that fails does not wait for it
  calling.catch(() => undefined);
  return {
    async end() {
      told.ends = true;
      await calling;
      return told;
    },
  };
}

/** Reads and calls all the time: how long it was refused each time, from the first refusal to the next success, in ms. */
function watchGaps(call: () => Promise<boolean>) {
  const gaps: number[] = [];
  const told = { ends: false };
  let since: number | undefined;
  const calling = (async () => {
    while (!told.ends || since !== undefined) {
      const accepted = await call();
      if (!accepted) since ??= performance.now();
      else if (since !== undefined) {
        gaps.push(performance.now() - since);
        since = undefined;
      }
      await new Promise((wake) => void setTimeout(wake, 50));
    }
  })();
  calling.catch(() => undefined);
  return {
    async end() {
      told.ends = true;
      await calling;
      return { gaps, last: since === undefined ? 'accepted' : 'refused' };
    },
  };
}

/** The key that the client begins with, in place of the realm's: named by its thumbprint, as those that follow are. */
async function firstKey(realm: Realm): Promise<string> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = publicKey.export({ format: 'jwk' });
  const names = { kid: await calculateJwkThumbprint(jwk), alg: 'ES256' };
  const [client] = (await (await realm.admin('GET', '/clients?clientId=orders-key')).json()) as { id: string }[];
  const keys = { keys: [{ ...jwk, ...names, use: 'sig' }] };
  await realm.admin('PUT', `/clients/${client?.id ?? ''}`, {
    clientId: 'orders-key',
    attributes: { 'use.jwks.string': 'true', 'jwks.string': JSON.stringify(keys) },
  });
  return JSON.stringify({ ...privateKey.export({ format: 'jwk' }), ...names });
}

function vaultFor({ clientSecret }: Realm, key: string) {
  const client = (title: string, username: string, label: string, value: string) => ({
    title,
    category: 'api-credential' as const,
    fields: [
      { label: 'username', type: 'text' as const, value: username },
      { label, type: 'concealed' as const, value },
    ],
  });
  return [
    {
      name: 'Agents',
      items: [
        client('Orders M2M', 'orders', 'credential', clientSecret),
        client('Orders Key', 'orders-key', 'key', key),
        client('Provisioning', 'rest-provisioning', 'credential', clientSecret),
        client('auth-chain key', 'flows', 'password', randomBytes(24).toString('base64url')),
      ],
    },
  ];
}

/**
 * Pushed before it is promoted: the overlap counts from the promotion, and by then whoever reads AWS finds the new one. A
 * run that ends between the two leaves both accepted.
 */
function rotate(kind: 'key' | 'secret'): string {
  const [item, field] = kind === 'key' ? ['Orders Key', 'key'] : ['Orders M2M', 'credential'];
  const credential = kind === 'key' ? 'client-key' : 'client-secret';
  const next = kind === 'key' ? 'vault/create-key' : 'vault/stage-secret';
  return `description: Another client ${kind}
environments: [keycloak]
steps:
  - id: next
    uses: ${next}
    with: { field: op://Agents/${item}/${field}, if-older-than: 1s${kind === 'key' ? ', type: p-256' : ''} }
  - id: added
    uses: idp/add-${credential}
    with:
      provider: \${{ identity-providers.main }}
      client-id: op://Agents/${item}/username
      secret: \${{ steps.next.secret }}
  - id: proven
    uses: oauth/prove-client
    with:
      issuer: \${{ issuers.main }}
      client-id: op://Agents/${item}/username
      ${credential}: \${{ steps.added.secret }}
      audience: ${audience}
  - id: pushed
    uses: store/push
    with:
      store: \${{ stores.aws }}
      secrets: [{ name: peer/orders-${kind}, value: '\${{ steps.proven.secret }}' }]
  - id: promoted
    uses: vault/promote-secret
    with: { secret: '\${{ steps.proven.secret }}' }
  - id: retired
    uses: idp/retire-${credential}
    with:
      provider: \${{ identity-providers.main }}
      client-id: op://Agents/${item}/username
      secret: \${{ steps.promoted.previous }}
      overlap: ${overlap / 1_000}s
  - id: dropped
    uses: vault/drop-previous
    with: { secret: '\${{ steps.retired.previous }}' }
output: { proven-at: '\${{ steps.proven.at }}' }
`;
}

function tell(line: string): void {
  // oxlint-disable-next-line no-console -- part of the run's output
  console.log(line);
}
