import type { SecretsManagerClient, Tag } from '@aws-sdk/client-secrets-manager';
import { setTimeout as wait } from 'node:timers/promises';
import { join } from 'node:path';
import { systemClock } from '../../../foundation/clocks.ts';
import { FlowError } from '../../../foundation/errors.ts';
import { createAnswers, requireAsked } from './answers.ts';
import { type AwsService, type ConnectionOptions, createConnection } from '../../aws/connection.ts';
import { refusals } from './refusals.ts';
import { createDetails, regionsOf } from './details.ts';
import { arnOf, awsRules, replicaProblems } from './rules.ts';
import { createPace } from '../../../foundation/request-pace.ts';
import { createDeletion } from './deletion.ts';
import { createRecent } from './recent-writes.ts';
import { createStagingLabels } from './staging-labels.ts';
import { describeAll, sweep, type Lister } from './list-secrets.ts';
import type { Metadata, SecretName, SecretStore, SecretWrite, StoredSecret } from '../contract.ts';

export interface SecretsManagerStoreOptions extends ConnectionOptions {
  /** the user's state folder, for what was written in the last ten minutes; absent: remembered in this process only */
  readonly stateFolder?: string | undefined;
  /** `fingerprint-key:` of service.yaml */
  readonly fingerprintKeys?: SecretStore['fingerprintKeys'] | undefined;
  /**
   * AWS allows 50 a second each for putting, creating and tagging. Default 45; at a development endpoint on this
   * machine as fast as it answers
   */
  readonly writesPerSecond?: number | undefined;
  /** calls at once, default 10 */
  readonly atOnce?: number | undefined;
  /** epoch milliseconds */
  readonly now?: (() => number) | undefined;
  readonly sleep?: ((milliseconds: number) => Promise<void>) | undefined;
  readonly warn?: ((message: string) => void) | undefined;
}

const secretsManager: AwsService<typeof import('@aws-sdk/client-secrets-manager'), SecretsManagerClient> = {
  name: 'Secrets Manager',
  host: 'secretsmanager',
  kind: 'store',
  refusals,
  load: () => import('@aws-sdk/client-secrets-manager'),
  client: (sdk, configuration) => new sdk.SecretsManagerClient(configuration),
};

/** AWS Secrets Manager through the AWS SDK. Values are written and never read back. */
export function createSecretsManagerStore(options: SecretsManagerStoreOptions): SecretStore {
  const { now = Date.now, sleep = (milliseconds: number) => wait(milliseconds), warn = () => undefined } = options;
  const connection = createConnection(secretsManager, options);
  const answers = createAnswers(options);
  const paced = createPace({ atOnce: options.atOnce ?? 10, monotonic: systemClock.monotonic, sleep });
  const local = options.development && options.endpoint?.startsWith('http:') === true;
  const rate = options.writesPerSecond ?? (local ? Infinity : 45);
  // one address serves all accounts of a region
  const profile = options.profile ?? process.env['AWS_PROFILE'] ?? '';
  const scope = () =>
    [
      connection.address(),
      options.region,
      options.account ?? options.webIdentity?.role ?? `of profile ${profile}`,
    ].join(' ');
  const recent = createRecent({
    folder: options.stateFolder === undefined ? undefined : join(options.stateFolder, 'aws-secrets-manager'),
    scope,
    now,
    warn,
  });

  const lister = (signal: AbortSignal | undefined): Lister => ({
    async list({ filters, token }) {
      return connection.call(
        async (client, sdk, call) =>
          answers.page(
            await client.send(
              new sdk.ListSecretsCommand({
                MaxResults: 100,
                IncludePlannedDeletion: true,
                Filters: filters.length === 0 ? undefined : filters,
                NextToken: token,
              }),
              call,
            ),
          ),
        undefined,
        signal,
      );
    },
    require: (stored, asked) => requireAsked(stored, asked, options),
    describe: (name) => paced('read', Infinity, () => describe(name, signal), signal),
  });

  async function describe(name: SecretName, signal?: AbortSignal): Promise<StoredSecret | undefined> {
    try {
      return await connection.call(
        async (client, sdk, call) =>
          answers.secret(
            await client.send(new sdk.DescribeSecretCommand({ SecretId: name.id ?? name.name }), call),
            name,
          ),
        name.name,
        signal,
      );
    } catch (error) {
      if (error instanceof FlowError && error.code === 'not-found') return undefined;
      throw error;
    }
  }

  async function create(write: SecretWrite, signal?: AbortSignal): Promise<{ id: string }> {
    const { name, version, value, metadata } = write;
    return connection.call(
      async (client, sdk, call) => {
        const create = new sdk.CreateSecretCommand({
          Name: name.name,
          ClientRequestToken: version,
          SecretString: value.reveal(),
          Description: metadata.description,
          KmsKeyId: metadata.kmsKey,
          Tags: metadata.tags === undefined ? undefined : tagsOf(metadata.tags),
          AddReplicaRegions: metadata.replicas === undefined ? undefined : regionsOf(metadata.replicas),
        });
        return answers.written(await client.send(create, call), name, version);
      },
      name.name,
      signal,
    );
  }

  const details = createDetails({
    connection,
    answers,
    describe,
    reading: (work, signal) => paced('read', Infinity, work, signal),
    writing: (work, signal) => paced('put', rate, work, signal),
    warn,
  });

  /** @returns the labels that the version has */
  async function put(write: SecretWrite, stored: StoredSecret, signal?: AbortSignal): Promise<readonly string[]> {
    const { name, version, value, hold } = write;
    return connection.call(
      async (client, sdk, call) => {
        const put = new sdk.PutSecretValueCommand({
          SecretId: stored.id,
          ClientRequestToken: version,
          SecretString: value.reveal(),
          ...(hold === true ? { VersionStages: ['AWSPENDING'] } : {}),
        });
        return answers.written(await client.send(put, call), stored, version).labels;
      },
      name.name,
      signal,
    );
  }

  const labels = createStagingLabels({ connection, answers, describe });

  return {
    get address() {
      return connection.address();
    },
    get scope() {
      return scope();
    },
    rules: {
      ...awsRules,
      problems: ({ replicas, ...known }) => [
        ...awsRules.problems(known),
        ...replicaProblems(replicas ?? [], options.region),
      ],
    },
    details,
    async verify(names) {
      await connection.verify();
      for (const { name, id } of names) requirePlace(name, id, options);
    },

    async inspect(names, { strict = false, signal } = {}) {
      if (names.length === 0) return new Map();
      const reader = lister(signal);
      if (strict) return describeAll(names, reader);
      const [listed, written] = [await sweep(names, reader), await recent.read()];
      const stale = names.filter((each) => {
        const last = written.get(each.name);
        return last !== undefined && last.version !== listed.get(each.name)?.current;
      });
      if (stale.length === 0) return listed;
      const settled = new Map(listed);
      const looked = await describeAll(stale, reader);
      for (const { name } of stale) {
        const found = looked.get(name);
        if (found === undefined) settled.delete(name);
        else settled.set(name, found);
      }
      return settled;
    },

    async write(write, signal) {
      const { stored, version } = write;
      // of what is about to be in force, and of nothing else
      const recorded = async () => (write.hold === true ? undefined : recent.record(write.name.name, version));
      if (stored === undefined) {
        const made = await paced('create', rate, () => recorded().then(() => create(write, signal)), signal);
        const { resourcePolicy } = write.metadata;
        if (resourcePolicy !== undefined) await details.putPolicy(write.name, made.id, resourcePolicy, signal);
        return made;
      }
      const has = await paced('put', rate, () => recorded().then(() => put(write, stored, signal)), signal);
      // A → B → A: the version is there already, and putting it again moves nothing
      if (!has.includes('AWSCURRENT') && !(write.hold === true && has.includes('AWSPENDING'))) {
        const move = write.hold === true ? labels.hold : labels.promote;
        await paced('put', rate, () => move(stored, write.version, signal), signal);
      }
      return { id: stored.id };
    },

    promote: async (stored, version, signal) =>
      paced(
        'put',
        rate,
        () => recent.record(stored.name, version).then(() => labels.promote(stored, version, signal)),
        signal,
      ),

    withdraw: async (stored, version, signal) =>
      paced(
        'put',
        rate,
        // the list may show it for some minutes yet
        () => recent.record(stored.name, 'withdrawn').then(() => labels.withdraw(stored, version, signal)),
        signal,
      ),

    async annotate(id, metadata, signal) {
      const { description, kmsKey, tags, replicas, resourcePolicy } = metadata;
      const name = awsRules.nameOf(id);
      // who may read it is settled before anything new is there to read
      if (resourcePolicy !== undefined) await details.putPolicy(name, id, resourcePolicy, signal);
      if (replicas !== undefined) await details.replicate(name, id, replicas, signal);
      if (description !== undefined || kmsKey !== undefined) {
        const input = {
          SecretId: id,
          Description: description,
          KmsKeyId: kmsKey,
        };
        await paced(
          'put',
          rate,
          () =>
            connection.call(
              async (client, sdk, call) =>
                answers.written(await client.send(new sdk.UpdateSecretCommand(input), call), name),
              id,
              signal,
            ),
          signal,
        );
      }
      if (tags === undefined) return;
      await paced(
        'tag',
        rate,
        () =>
          connection.call(
            (client, sdk, call) => client.send(new sdk.TagResourceCommand({ SecretId: id, Tags: tagsOf(tags) }), call),
            id,
            signal,
          ),
        signal,
      );
    },

    async versions(id, signal) {
      const found: string[] = [];
      let token: string | undefined;
      do {
        const from = token;
        const answer = await paced(
          'create',
          rate,
          () =>
            connection.call(
              async (client, sdk, call) =>
                answers.versions(
                  await client.send(
                    new sdk.ListSecretVersionIdsCommand({
                      SecretId: id,
                      IncludeDeprecated: true,
                      MaxResults: 100,
                      NextToken: from,
                    }),
                    call,
                  ),
                ),
              id,
              signal,
            ),
          signal,
        );
        found.push(...answer.ids);
        token = answer.next;
      } while (token !== undefined && found.length < 1_000);
      return found;
    },

    deletion: createDeletion({
      connection,
      answers,
      lister,
      recent,
      paced: (work, signal) => paced('create', rate, work, signal),
    }),
    requests: connection.requests,
    close: () => connection.close(),
    fingerprintKeys: options.fingerprintKeys,
  };
}

/** An ARN says where its secret is: elsewhere than the store's account and region it names another one. */
function requirePlace(name: string, id: string | undefined, { region, account }: SecretsManagerStoreOptions): void {
  const arn = id === undefined ? undefined : arnOf(id);
  if (arn === undefined || (arn.region === region && (account ?? arn.account) === arn.account)) return;
  throw new FlowError(
    'refused',
    `the ARN of secret "${name}" is in account ${arn.account}, region ${arn.region}, and the store is not`,
    { hint: 'push it to a store of that account and region' },
  );
}

function tagsOf(tags: NonNullable<Metadata['tags']>): Tag[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}
