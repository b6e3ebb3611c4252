import type { Secret } from '../../foundation/secret.ts';
import type { Metadata, StoredSecret, StoreRules } from '../../adapters/stores/contract.ts';
import type { DeclaredSecret } from './declared-secrets.ts';
import { missingReplicas, replicaNotes } from './details.ts';
import { ownerTag } from './prune.ts';
import { isOurs, versionName, type FingerprintKeys } from './version-name.ts';

export interface Permissions {
  /** secrets that were never pushed from here may be taken over */
  readonly adopt: boolean;
  /** what someone else wrote into a secret of ours may be replaced */
  readonly overwrite: boolean;
  /** what bears one of these marks may be taken out of its deletion */
  readonly restore: readonly string[];
}

export interface Decision {
  readonly declared: DeclaredSecret;
  readonly stored: StoredSecret | undefined;
  readonly value: Secret;
  readonly action: 'create' | 'adopt' | 'restore' | 'update' | 'none' | 'conflict';
  readonly detail?: string;
  /** the version to put in force; undefined: the value stays */
  readonly version: string | undefined;
  /** whether the value differs from the one in force: whoever uses it must be told */
  readonly changed: boolean;
  /** the version that is to be stored, or is, and not to be in force */
  readonly held?: string;
  /** the version that was held back and is not to be any more */
  readonly withdrawn?: string;
  /** what of the metadata differs from what is declared */
  readonly metadata: Metadata | undefined;
}

/** What a push does about one secret, from its version names alone. */
export function decide(
  declared: DeclaredSecret,
  value: Secret,
  stored: StoredSecret | undefined,
  keys: FingerprintKeys,
  permissions: Permissions,
  rules: StoreRules,
): Decision {
  const { name, id } = declared.name;
  const base = { declared, stored, value, version: undefined, changed: false, metadata: undefined };
  const conflict = (detail: string): Decision => ({ ...base, action: 'conflict', detail });
  const version = versionName(keys[0], name, value);
  if (stored === undefined) {
    if (id !== undefined) return conflict('no secret has this identifier; give its name to create one');
    return { ...base, action: 'create', version, changed: true };
  }
  if (stored.owner !== undefined) return conflict(stored.owner);
  if (stored.scheduledForDeletion) {
    if (!permissions.restore.includes(stored.tags[ownerTag] ?? ''))
      return conflict(`scheduled for deletion; restore it: ${rules.restore(name)}`);
    const then = decide(declared, value, { ...stored, scheduledForDeletion: false }, keys, permissions, rules);
    if (then.action === 'conflict') return then;
    const detail = ['scheduled for deletion, and declared again', then.detail].filter((each) => each !== undefined);
    return { ...then, stored, action: 'restore', detail: detail.join('; ') };
  }
  const metadata = differences(declared.metadata, stored, rules);
  const write = { ...base, version, changed: true, metadata };
  const { current } = stored;
  if (current !== undefined) {
    const same = keys.findIndex((key) => versionName(key, name, value) === current);
    // under the old key of a rotation it stays as it is: nobody who uses it need be told
    if (same > 0 && permissions.overwrite) {
      return { ...write, action: 'update', changed: false, detail: 'the same value, named by the new key' };
    }
    if (same >= 0) {
      const notes = replicaNotes(declared.metadata.replicas ?? [], stored, rules);
      const words = Object.keys(metadata ?? {}).map((key) => keyOf[key] ?? key);
      const detail = [words.join(', '), ...notes].filter((each) => each !== '').join('; ');
      return { ...base, action: metadata === undefined ? 'none' : 'update', metadata, ...(detail && { detail }) };
    }
    if (isOurs(keys, name, current)) return { ...write, action: 'update', detail: 'the value differs' };
  }
  if (stored.versions.some((each) => isOurs(keys, name, each))) {
    if (current === undefined)
      return { ...write, action: 'update', detail: 'no value that is known to be ours is in force' };
    if (permissions.overwrite) return { ...write, action: 'update', detail: 'overwrites what someone else wrote' };
    return conflict('someone else has written it since; it stays unless --overwrite');
  }
  if (permissions.adopt) return { ...write, action: 'adopt', detail: 'present, never pushed from here' };
  return conflict('present, never pushed from here; adopt: true or --adopt takes it over');
}

/**
 * The same, with a value that differs held back: one that is stored already is left as it is. One of ours that was held
 * back and is not wanted any more, since no proof let it in, is taken back.
 */
export function heldBack(decision: Decision, keys: FingerprintKeys): Decision {
  const { action, changed, stored, version } = decision;
  const pending = stored?.pending;
  if (
    !changed &&
    action !== 'conflict' &&
    pending !== undefined &&
    isOurs(keys, decision.declared.name.name, pending)
  ) {
    const detail = [decision.detail, 'takes back a pending value'].filter((each) => each !== undefined).join('; ');
    return { ...decision, action: action === 'none' ? 'update' : action, withdrawn: pending, detail };
  }
  // nothing is in force yet: there is nothing to hold it back from
  if (!changed || version === undefined || action === 'conflict' || stored?.current === undefined) return decision;
  if (!stored.versions.includes(version))
    return { ...decision, held: version, detail: `${decision.detail ?? ''}; pending` };
  const detail = 'is stored, and not in force yet';
  if (decision.metadata !== undefined || action === 'restore')
    return { ...decision, held: version, version: undefined, detail };
  return { ...decision, action: 'none', held: version, version: undefined, detail };
}

/** As the flow has it. */
const keyOf: Readonly<Record<string, string>> = { kmsKey: 'kms-key', resourcePolicy: 'resource-policy' };

/** Declared things only: what is not declared is somebody else's business. */
function differences(declared: Metadata, stored: StoredSecret, rules: StoreRules): Metadata | undefined {
  const tags = Object.entries(declared.tags ?? {}).filter(
    ([key, value]) => !Object.hasOwn(stored.tags, key) || stored.tags[key] !== value,
  );
  const description = declared.description === undefined || declared.description === (stored.description ?? '');
  const kmsKey = declared.kmsKey === undefined || rules.isSameKey(declared.kmsKey, stored.kmsKey);
  const replicas = missingReplicas(declared.replicas ?? [], stored);
  const { resourcePolicy } = declared;
  const policy = resourcePolicy === undefined || rules.isSamePolicy?.(resourcePolicy, stored.resourcePolicy) === true;
  if (tags.length === 0 && description && kmsKey && replicas.length === 0 && policy) return undefined;
  return {
    ...(description ? {} : { description: declared.description }),
    ...(kmsKey ? {} : { kmsKey: declared.kmsKey }),
    ...(tags.length === 0 ? {} : { tags: Object.fromEntries(tags) }),
    ...(replicas.length === 0 ? {} : { replicas }),
    ...(policy ? {} : { resourcePolicy }),
  };
}
