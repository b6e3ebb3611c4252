import { flag, mappings, optionalNumber, optionalText, secretId, texts, type Input } from './request-input.ts';
import { matches, pageOf, parseFilters, sorted } from './listing.ts';
import { replicationOf } from './replicas.ts';
import { Refusal } from '../aws/refusal.ts';
import { refuse } from './refusal.ts';
import { find, findLive, holder, settle, type State, type StoredSecret, type Version } from './stored-secrets.ts';

/** The operations that change nothing. `listed` is what ListSecrets knows, which may lag behind. */
export function readsOf(listed: () => readonly StoredSecret[], pageLimit: () => number) {
  return {
    DescribeSecret(state: State, input: Input) {
      const secret = find(state, secretId(input));
      return { ...describe(secret, 'VersionIdsToStages'), ReplicationStatus: replicationOf(state, secret) };
    },

    GetSecretValue(state: State, input: Input) {
      const secret = findLive(state, secretId(input));
      const id = optionalText(input, 'VersionId', { min: 32, max: 64 });
      const stage = optionalText(input, 'VersionStage', { min: 1, max: 256 });
      return valueOf(secret, select(secret, id, stage));
    },

    BatchGetSecretValue(state: State, input: Input) {
      const ids = texts(input, 'SecretIdList', { max: 20 });
      const given = mappings(input, 'Filters', { max: 10 });
      if ((ids === undefined) === (given === undefined)) {
        throw refuse.parameter('You must provide either SecretIdList or Filters, and not both.');
      }
      const values: unknown[] = [];
      const errors: unknown[] = [];
      const filters = parseFilters(given ?? []);
      const wanted =
        ids ?? [...state.secrets.values()].filter((each) => matches(each, filters)).map((each) => each.arn);
      const { page, next } = pageOf(wanted, input, 20, optionalNumber(input, 'MaxResults', { min: 1, max: 20 }) ?? 20);
      for (const id of page) {
        try {
          const secret = findLive(state, id);
          values.push(valueOf(secret, select(secret, undefined, undefined)));
        } catch (error) {
          if (!(error instanceof Refusal)) throw error;
          errors.push({ SecretId: id, ErrorCode: error.type, Message: error.message });
        }
      }
      return { SecretValues: values, Errors: errors, NextToken: next };
    },

    ListSecrets(state: State, input: Input) {
      settle(state);
      const size = optionalNumber(input, 'MaxResults', { min: 1, max: 100 }) ?? 100;
      const filters = parseFilters(mappings(input, 'Filters', { max: 10 }) ?? []);
      const planned = flag(input, 'IncludePlannedDeletion');
      const found = listed().filter((each) => (planned || each.deletedAt === undefined) && matches(each, filters));
      const { page, next } = pageOf(sorted(found, input), input, size, Math.min(size, pageLimit()));
      return {
        SecretList: page.map((each) => describe(each, 'SecretVersionsToStages')),
        NextToken: next,
      };
    },

    ListSecretVersionIds(state: State, input: Input) {
      const secret = find(state, secretId(input));
      const deprecated = flag(input, 'IncludeDeprecated');
      const size = optionalNumber(input, 'MaxResults', { min: 1, max: 100 }) ?? 100;
      const versions = [...secret.versions.values()].filter((each) => deprecated || each.stages.size > 0);
      const { page, next } = pageOf(versions, input, size, size);
      return {
        ARN: secret.arn,
        Name: secret.name,
        Versions: page.map((each) => ({
          VersionId: each.id,
          CreatedDate: each.createdAt / 1000,
          VersionStages: each.stages.size === 0 ? undefined : [...each.stages],
        })),
        NextToken: next,
      };
    },
  };
}

function describe(secret: StoredSecret, versions: 'VersionIdsToStages' | 'SecretVersionsToStages') {
  const labelled = [...secret.versions.values()].filter((each) => each.stages.size > 0);
  return {
    ARN: secret.arn,
    Name: secret.name,
    CreatedDate: secret.createdAt / 1000,
    LastChangedDate: secret.changedAt / 1000,
    Description: secret.description,
    KmsKeyId: secret.kmsKeyId,
    OwningService: secret.owner?.service,
    PrimaryRegion: secret.owner?.primaryRegion,
    DeletedDate: secret.deletedAt === undefined ? undefined : secret.deletedAt / 1000,
    Tags: [...secret.tags].map(([Key, Value]) => ({ Key, Value })),
    ...(labelled.length === 0
      ? {}
      : { [versions]: Object.fromEntries(labelled.map((each) => [each.id, [...each.stages]])) }),
  };
}

function select(secret: StoredSecret, id: string | undefined, stage: string | undefined): Version {
  if (id === undefined) {
    const label = stage ?? 'AWSCURRENT';
    const version = holder(secret, label);
    if (version === undefined) throw refuse.noStage(label);
    return version;
  }
  const version = secret.versions.get(id);
  if (version === undefined) throw refuse.noVersion(id);
  if (stage !== undefined && !version.stages.has(stage)) {
    throw refuse.request('You provided a VersionStage that is not associated to the provided VersionId.');
  }
  return version;
}

function valueOf(secret: StoredSecret, version: Version) {
  return {
    ARN: secret.arn,
    Name: secret.name,
    VersionId: version.id,
    [version.value.kind]: version.value.value,
    VersionStages: [...version.stages],
    CreatedDate: version.createdAt / 1000,
  };
}
