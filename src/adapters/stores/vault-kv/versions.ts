import type { CustomMerge, KvMetadata } from '../../kv/kv-engine.ts';
import type { Metadata, StoredSecret } from '../contract.ts';
import { descriptionKey, ownKeys } from './rules.ts';

/**
 * A version of KV has a number and no name, and custom metadata belongs to the path. So a push says there which number
 * it is about to write, under which name (`flows-next`), writes it by check-and-set, and says then that it did
 * (`flows-version`). A number that neither names is someone else's; of one that was announced and never confirmed
 * nobody knows whose it is, as after a kill in between: it counts as no value in force, and the next push writes it
 * again.
 */
interface Named {
  readonly number: number;
  readonly name: string;
}

/** What a path holds, without its id. */
export function storedAt(name: string, id: string, kv: KvMetadata): StoredSecret {
  const { current: number, versions, custom } = kv;
  const [last, next] = [named(custom[ownKeys.current]), named(custom[ownKeys.next])];
  const newest = versions.get(number);
  const announced = next !== undefined && (next.number === number || number === 0) ? next : undefined;
  const isKnown = number > 0 && newest?.destroyed !== true;
  const current = !isKnown
    ? undefined
    : last?.number === number
      ? last.name
      : announced === undefined
        ? `version ${number}`
        : undefined;
  const names = [last?.name, announced?.name, current].filter((each) => each !== undefined);
  const { [descriptionKey]: description, [ownKeys.current]: _last, [ownKeys.next]: _next, ...tags } = custom;
  return {
    name,
    id,
    current,
    versions: [...new Set(names)],
    scheduledForDeletion: newest?.deleted === true && !newest.destroyed,
    description,
    kmsKey: undefined,
    tags,
  };
}

/** Before a value is written. */
export const announcing = (version: Named): CustomMerge => ({ [ownKeys.next]: textOf(version) });
/** Once it is written. */
export const confirming = (version: Named): CustomMerge => ({
  [ownKeys.current]: textOf(version),
  [ownKeys.next]: null,
});
/** Where it was refused. */
export const retracting: CustomMerge = { [ownKeys.next]: null };

/** What is declared about a secret, as custom metadata; an empty description is none. */
export function customOf({ description, tags }: Metadata): CustomMerge {
  return {
    ...(description === undefined ? {} : { [descriptionKey]: description === '' ? null : description }),
    ...tags,
  };
}

const textOf = ({ number, name }: Named) => `${number} ${name}`;

function named(text: string | undefined): Named | undefined {
  const [, number, name] = /^(\d{1,15}) ([\w-]{32,64})$/.exec(text ?? '') ?? [];
  return name === undefined ? undefined : { number: Number(number), name };
}
