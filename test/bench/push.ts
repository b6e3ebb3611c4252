import { randomBytes } from 'node:crypto';
import { createClient, type Client } from '@1password/sdk';
import * as sdk from '@aws-sdk/client-secrets-manager';
import { startSecretsManager, type DevelopmentSecretsManager } from '../../src/laptop/secrets-manager/server.ts';
import { startVault, type DevelopmentVault } from '../../src/laptop/vault/server.ts';
import { Reference } from '../../src/foundation/reference.ts';
import { createSecretsManagerStore } from '../../src/adapters/stores/aws-secrets-manager/store.ts';
import { createOnePasswordVault } from '../../src/adapters/vaults/onepassword/vault.ts';
import { pushCommand } from './push-command.ts';
import { row, type Row } from './row.ts';
import { pusher, type Entry } from '../steps/store-push/harness.ts';

/**
 * Pushes 1,000 secrets (50 in short) of the development vault into the development Secrets Manager, by the real SDKs,
 * with none, one in a hundred and all of them changed, against the least calls that can be, and against the ten lines
 * that one would write instead: resolve, then put or create, one by one. These are measured on a tenth and multiplied:
 * each secret costs them the same. Their sign-in is left out, ours is not.
 */
export async function bench(options: { readonly short: boolean }): Promise<Row[]> {
  const count = options.short ? 50 : 1_000;
  const field = (index: number) => `op://Bench/Secret ${index}/password`;
  const items = Array.from({ length: count }, (_, index) => ({
    title: `Secret ${index}`,
    fields: [{ label: 'password', type: 'concealed' as const, value: randomBytes(24).toString('base64') }],
  }));
  const vault = await startVault({ vaults: [{ name: 'Bench', items }] });
  const ours = await startSecretsManager();
  const theirs = await startSecretsManager();
  const key = randomBytes(32);
  const rows: Row[] = [];
  try {
    /** the first `changed` secrets have another value in each round */
    const suffix = (index: number, changed: number, round: number) => (index < changed ? `#${round}` : '');
    let round = 0;
    const pushAll = async (changed: number) => {
      const entries = items.map((_, index): Entry => {
        const reference = Reference.parse(field(index));
        if (!(reference instanceof Reference)) throw new TypeError(reference.problem);
        return { name: `bench/secret/${index}`, template: [reference, suffix(index, changed, round)] };
      });
      return measured(vault, ours, () => push(entries, { vault, aws: ours, key }));
    };
    const sample = Math.ceil(count / 10);
    const scriptTenth = async (changed: number) => {
      const onePassword = await createClient({
        auth: vault.token().reveal(),
        integrationName: 'ten lines',
        integrationVersion: '1',
      });
      const secrets = items
        .slice(0, sample)
        .map((_, index) => [`bench/secret/${index}`, field(index), suffix(index, changed, round)] as const);
      return measured(vault, theirs, () => script(secrets, onePassword, theirs));
    };

    const signIn = (await measured(vault, ours, () => readOne(vault, field(0)))).vaultRequests - 3;
    const leastReads = signIn + 2 + Math.ceil(count / 50);
    const pages = Math.ceil(count / 100);
    const few = Math.ceil(count / 100);
    const cases = [
      { what: 'all new', changed: 0, least: 1 + count },
      { what: '0 changed', changed: 0, least: pages },
      { what: `${few} changed`, changed: few, least: pages + few },
      { what: `${count} changed`, changed: count, least: pages + count },
    ];
    let other = { vaultRequests: 0, awsCalls: 0, milliseconds: 0 };
    for (const { what, changed, least } of cases) {
      round += 1;
      const mine = await pushAll(changed);
      // the script writes every secret each time, so that one measurement stands for all but the first
      if (round <= 2) other = tenfold(await scriptTenth(changed));
      const name = `push of ${count} secrets, ${what}`;
      const lines = (what: string, of: 'awsCalls' | 'vaultRequests', unit: string, least: number) => [
        row({
          name: `${name}: ${what}, against the least`,
          value: mine[of],
          unit,
          against: least,
          goal: { exactly: 1 },
        }),
        row({ name: `${name}: ${what}, against ten lines`, value: mine[of], unit, against: other[of] }),
      ];
      const { milliseconds: value } = mine;
      rows.push(
        ...lines('AWS calls', 'awsCalls', 'calls', least),
        ...lines('vault requests', 'vaultRequests', 'requests', leastReads),
        row({
          name: `${name}: time, against ten lines`,
          value,
          unit: 'ms',
          against: other.milliseconds,
          goal: { atMost: 1 },
        }),
      );
    }
    const titles = items.map(({ title }) => title);
    return [...rows, ...(await pushCommand(vault, ours, titles))];
  } finally {
    await Promise.all([vault.close(), ours.close(), theirs.close()]);
  }
}

function tenfold(tenth: Awaited<ReturnType<typeof measured>>): typeof tenth {
  const { vaultRequests, awsCalls, milliseconds } = tenth;
  return { vaultRequests: vaultRequests * 10, awsCalls: awsCalls * 10, milliseconds: milliseconds * 10 };
}

async function measured(vault: DevelopmentVault, aws: DevelopmentSecretsManager, work: () => Promise<void>) {
  const total = () => Object.values(aws.calls()).reduce((sum, each) => sum + each, 0);
  const before = { vault: vault.requests(), aws: total(), at: performance.now() };
  await work();
  const milliseconds = performance.now() - before.at;
  return { vaultRequests: vault.requests() - before.vault, awsCalls: total() - before.aws, milliseconds };
}

function open(vault: DevelopmentVault) {
  return createOnePasswordVault({ token: () => Promise.resolve(vault.token()), development: true });
}

async function readOne(vault: DevelopmentVault, text: string): Promise<void> {
  const adapter = open(vault);
  const reference = Reference.parse(text);
  if (reference instanceof Reference) await adapter.read([reference]);
  await adapter.close();
}

/** As the command does it: adapters that know nothing yet, as in a process of their own. */
async function push(
  entries: readonly Entry[],
  on: { readonly vault: DevelopmentVault; readonly aws: DevelopmentSecretsManager; readonly key: Uint8Array },
): Promise<void> {
  const adapter = open(on.vault);
  const store = createSecretsManagerStore({
    name: 'aws',
    region: on.aws.region,
    endpoint: on.aws.address,
    credentials: on.aws.credentials,
    development: true,
  });
  try {
    const { run, useKeys } = pusher(store, adapter);
    useKeys(on.key);
    await run(entries);
  } finally {
    await Promise.all([adapter.close(), store.close()]);
  }
}

/** What one would write without us. */
async function script(
  secrets: readonly (readonly [name: string, reference: string, suffix: string])[],
  onePassword: Client,
  aws: DevelopmentSecretsManager,
): Promise<void> {
  const { accessKeyId, secretAccessKey } = aws.credentials;
  const credentials = { accessKeyId, secretAccessKey: secretAccessKey.reveal() };
  const client = new sdk.SecretsManagerClient({ region: aws.region, endpoint: aws.address, credentials });
  for (const [name, reference, suffix] of secrets) {
    const SecretString = `${await onePassword.secrets.resolve(reference)}${suffix}`;
    try {
      await client.send(new sdk.PutSecretValueCommand({ SecretId: name, SecretString }));
    } catch (error) {
      if (!(error instanceof sdk.ResourceNotFoundException)) throw error;
      await client.send(new sdk.CreateSecretCommand({ Name: name, SecretString }));
    }
  }
  client.destroy();
}
