import { flag, optionalText, requestToken, secretId, secretValue, text, texts, type Input } from './request-input.ts';
import { refuse } from './refusal.ts';
import {
  attach,
  find,
  findLive,
  findOwn,
  holder,
  newArn,
  putVersion,
  settle,
  type State,
  type StoredSecret,
} from './stored-secrets.ts';
import { addReplicas } from './replicas.ts';
import { setTags, tagsOf } from './tags.ts';

/** The operations that write values, versions and their labels. */
export const writes = {
  CreateSecret(state: State, input: Input) {
    const name = text(input, 'Name');
    const token = requestToken(input);
    const value = secretValue(input);
    const description = optionalText(input, 'Description', { max: 2048 });
    const kmsKeyId = optionalText(input, 'KmsKeyId', { max: 2048 });
    const tags = tagsOf(input);
    if (!/^[A-Za-z0-9/_+=.@!-]{1,512}$/.test(name)) {
      throw refuse.validation(
        'Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!',
      );
    }
    settle(state);
    if (state.vanishing.has(name)) throw refuse.alreadyScheduled();
    const existing = state.secrets.get(name);
    if (existing !== undefined) return repeatedCreate(existing, token, value);
    const now = state.now();
    const secret: StoredSecret = {
      name,
      arn: newArn(state, name),
      createdAt: now,
      description,
      kmsKeyId,
      tags: new Map(),
      replicas: new Map(),
      policy: undefined,
      versions: new Map(),
      changedAt: now,
      deletedAt: undefined,
      deletionDue: undefined,
    };
    setTags(secret, tags);
    addReplicas(state, secret, input);
    state.secrets.set(name, secret);
    if (value === undefined) {
      state.changed(secret);
      return { ARN: secret.arn, Name: name };
    }
    putVersion(state, secret, token, value, ['AWSCURRENT']);
    return { ARN: secret.arn, Name: name, VersionId: token };
  },

  PutSecretValue(state: State, input: Input) {
    const secret = findOwn(state, secretId(input));
    const token = requestToken(input);
    const value = secretValue(input);
    if (value === undefined) throw refuse.request('You must provide either SecretString or SecretBinary.');
    const stages = texts(input, 'VersionStages', { max: 20 }) ?? ['AWSCURRENT'];
    const version = putVersion(state, secret, token, value, stages);
    if (version.stages.has('AWSCURRENT')) dropPending(secret);
    return { ARN: secret.arn, Name: secret.name, VersionId: token, VersionStages: [...version.stages] };
  },

  UpdateSecret(state: State, input: Input) {
    const secret = findOwn(state, secretId(input));
    const description = optionalText(input, 'Description', { max: 2048 });
    const kmsKeyId = optionalText(input, 'KmsKeyId', { max: 2048 });
    const value = secretValue(input);
    const token = value === undefined ? undefined : requestToken(input);
    if (value !== undefined && token !== undefined) {
      putVersion(state, secret, token, value, ['AWSCURRENT']);
      dropPending(secret);
    }
    if (description !== undefined) secret.description = description;
    if (kmsKeyId !== undefined) secret.kmsKeyId = kmsKeyId;
    secret.changedAt = state.now();
    state.changed(secret);
    return { ARN: secret.arn, Name: secret.name, VersionId: token };
  },

  UpdateSecretVersionStage(state: State, input: Input) {
    const secret = findOwn(state, secretId(input));
    const stage = text(input, 'VersionStage', { min: 1, max: 256 });
    const removeFrom = optionalText(input, 'RemoveFromVersionId', { min: 32, max: 64 });
    const moveTo = optionalText(input, 'MoveToVersionId', { min: 32, max: 64 });
    const present = holder(secret, stage);
    if (moveTo === undefined) {
      if (stage === 'AWSCURRENT') {
        throw refuse.parameter(
          'You can only move staging label AWSCURRENT to a different secret version. It can’t be completely removed.',
        );
      }
      if (removeFrom !== undefined && present?.id === removeFrom) present.stages.delete(stage);
    } else {
      const target = secret.versions.get(moveTo);
      if (target === undefined) throw refuse.noVersion(moveTo);
      if (present !== undefined && present !== target && present.id !== removeFrom) {
        throw refuse.parameter(
          `The parameter RemoveFromVersionId can't be empty. Staging label ${stage} is currently attached to version ${present.id}, so you must explicitly reference that version in RemoveFromVersionId.`,
        );
      }
      if (removeFrom !== undefined && present?.id !== removeFrom) {
        throw refuse.parameter(`Staging label ${stage} is not attached to version ${removeFrom}.`);
      }
      attach(secret, target, stage);
    }
    secret.changedAt = state.now();
    state.changed(secret);
    return { ARN: secret.arn, Name: secret.name };
  },

  DeleteSecret(state: State, input: Input) {
    const id = secretId(input);
    const force = flag(input, 'ForceDeleteWithoutRecovery');
    const days = input['RecoveryWindowInDays'];
    if (force && days !== undefined) {
      throw refuse.parameter("You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.");
    }
    if (days !== undefined && (typeof days !== 'number' || !(days >= 7 && days <= 30))) {
      throw refuse.parameter('The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).');
    }
    const now = state.now();
    if (force) {
      settle(state);
      const secret = state.secrets.get(id) ?? [...state.secrets.values()].find((each) => each.arn === id);
      if (secret === undefined) return { ARN: newArn(state, id), Name: id, DeletionDate: now / 1000 };
      state.secrets.delete(secret.name);
      state.vanishing.set(secret.name, now + 2_000); // AWS takes some seconds to free the name
      return { ARN: secret.arn, Name: secret.name, DeletionDate: now / 1000 };
    }
    const secret = findLive(state, id);
    if (secret.replicas.size > 0)
      throw refuse.parameter("You can't delete secret that still has replica regions. Remove the replicas and retry.");
    secret.deletedAt = now;
    secret.deletionDue = now + (typeof days === 'number' ? days : 30) * 86_400_000;
    state.changed(secret);
    return { ARN: secret.arn, Name: secret.name, DeletionDate: secret.deletionDue / 1000 };
  },

  RestoreSecret(state: State, input: Input) {
    const secret = find(state, secretId(input));
    secret.deletedAt = undefined;
    secret.deletionDue = undefined;
    state.changed(secret);
    return { ARN: secret.arn, Name: secret.name };
  },
};

/** The same Create again succeeds and does nothing; everything else on a name that is taken is refused. */
function repeatedCreate(existing: StoredSecret, token: string, value: ReturnType<typeof secretValue>) {
  if (existing.deletedAt !== undefined) throw refuse.alreadyScheduled();
  const version = existing.versions.get(token);
  if (version === undefined) throw refuse.exists(existing.name);
  if (version.value.kind !== value?.kind || version.value.value !== value.value) {
    throw refuse.tokenInUse(token, existing.arn);
  }
  return { ARN: existing.arn, Name: existing.name, VersionId: token };
}

/** The version that a plain write displaced keeps AWSPREVIOUS only. */
function dropPending(secret: StoredSecret): void {
  holder(secret, 'AWSPREVIOUS')?.stages.delete('AWSPENDING');
}
