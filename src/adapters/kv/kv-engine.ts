import { z } from 'zod';
import type { Secret } from '../../foundation/secret.ts';
import { parseVaultData } from './vault-answers.ts';
import { encodedPath, type TokenProvider, type VaultHttp, type VaultRequest } from './vault-http.ts';

/** What is mounted at a path. */
export interface KvMount {
  /** `kv`, `database`, … */
  readonly type: string;
  /** `2`; of a KV engine of version 1 also undefined */
  readonly version: string | undefined;
  /** where it really is, without its last slash */
  readonly path: string;
}

/** A secret without its values. */
export interface KvMetadata {
  /** 0: no version was ever written */
  readonly current: number;
  /** by number; old ones are removed by the engine */
  readonly versions: ReadonlyMap<number, KvVersion>;
  readonly custom: Readonly<Record<string, string>>;
}

export interface KvVersion {
  /** soft-deleted, by now: it can be brought back */
  readonly deleted: boolean;
  /** its values are gone for good */
  readonly destroyed: boolean;
}

/**
 * A KV engine of version 2. Paths are as people write them, `team/app`; they are encoded here.
 * @example
 * const kv = createKvEngine(http, 'secret', token, Date.now);
 * console.log((await kv.metadata('team/app'))?.current); // 3
 * await kv.write('team/app', new Secret('{"password":"…"}'), 3); // refused where someone has written version 4
 */
export interface KvEngine {
  /** What is mounted there, of any engine. @throws FlowError denied: nothing, or nothing that this token may know of */
  mount(signal?: AbortSignal): Promise<KvMount>;
  metadata(path: string, signal?: AbortSignal): Promise<KvMetadata | undefined>;
  /**
   * Writes a version where the newest one is the one that was expected.
   * @param data a JSON object, as its text
   * @param cas number of the newest version, 0: none
   * @returns its number
   * @throws FlowError conflict where someone else has written one
   */
  write(path: string, data: Secret, cas: number, signal?: AbortSignal): Promise<number>;
  /** Sets custom metadata of what may not be there yet, instead of all that it had. */
  replaceMetadata(path: string, custom: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<void>;
  /** Sets these of its custom metadata and removes those that are null; others stay. @returns whether it is there */
  mergeMetadata(path: string, custom: CustomMerge, signal?: AbortSignal): Promise<boolean>;
}

export type CustomMerge = Readonly<Record<string, string | null>>;

/** @param now epoch milliseconds: a version may be told to be deleted later */
export function createKvEngine(http: VaultHttp, mount: string, token: TokenProvider, now: () => number): KvEngine {
  const ask = async (request: VaultRequest) => http.ask(request, token);
  const at = (kind: 'data' | 'metadata', path: string) => `${encodedPath(mount)}/${kind}/${encodedPath(path)}`;

  return {
    async mount(signal) {
      const answer = await ask({ path: `sys/internal/ui/mounts/${encodedPath(mount)}`, signal });
      const { type, options, path } = parseVaultData(answer?.data, mountSchema);
      return { type, version: options?.['version'] ?? undefined, path: path.replace(/\/$/, '') };
    },
    async metadata(path, signal) {
      const answer = await ask({ path: at('metadata', path), signal });
      if (answer === undefined) return undefined;
      const found = parseVaultData(answer.data, metadataSchema);
      const versions = Object.entries(found.versions).map(([number, each]): [number, KvVersion] => [
        Number(number),
        { deleted: isPast(each.deletion_time, now()), destroyed: each.destroyed },
      ]);
      return {
        current: found.current_version,
        versions: new Map(versions),
        custom: found.custom_metadata ?? {},
      };
    },
    async write(path, data, cas, signal) {
      // the text as it is: a parser would round its numbers
      const body = `{"data":${data.reveal()},"options":{"cas":${cas}}}`;
      const answer = await ask({ method: 'POST', path: at('data', path), body, signal });
      return parseVaultData(answer?.data, writtenSchema).version;
    },
    async replaceMetadata(path, custom, signal) {
      const body = JSON.stringify({ custom_metadata: custom });
      await ask({ method: 'POST', path: at('metadata', path), body, signal });
    },
    async mergeMetadata(path, custom, signal) {
      const body = JSON.stringify({ custom_metadata: custom });
      return (await ask({ method: 'PATCH', path: at('metadata', path), body, signal })) !== undefined;
    },
  };
}

const mountSchema = z.object({
  type: z.string(),
  path: z.string(),
  options: z.record(z.string(), z.string()).nullish(),
});
const version = z.number().int().nonnegative();
const metadataSchema = z.object({
  current_version: version,
  custom_metadata: z.record(z.string(), z.string()).nullish(),
  versions: z.record(z.string(), z.object({ deletion_time: z.string(), destroyed: z.boolean() })),
});
const writtenSchema = z.object({ version });

/** RFC 3339; empty: it is not to be deleted */
const isPast = (time: string, now: number) => time !== '' && !(Date.parse(time) > now);
