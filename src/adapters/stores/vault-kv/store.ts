import { setTimeout as wait } from 'node:timers/promises';
import { systemClock } from '../../../foundation/clocks.ts';
import { type ErrorCode, FlowError } from '../../../foundation/errors.ts';
import { madeOnce } from '../../../foundation/made-once.ts';
import type { Way } from '../../../foundation/proxy.ts';
import { createPace } from '../../../foundation/request-pace.ts';
import { Secret } from '../../../foundation/secret.ts';
import { createJwtLogin } from '../../kv/jwt-login.ts';
import { createKvEngine, type KvMetadata } from '../../kv/kv-engine.ts';
import { createVaultHttp, type TokenProvider } from '../../kv/vault-http.ts';
import type { SecretName, SecretStore, SecretWrite, StoredSecret } from '../contract.ts';
import { vaultKvRules } from './rules.ts';
import { announcing, confirming, customOf, retracting, storedAt } from './versions.ts';

export interface VaultKvStoreOptions {
  /** its name in service.yaml */
  readonly name: string;
  readonly url: string;
  readonly mount: string;
  readonly namespace?: string | undefined;
  /** the token of Vault; with `jwt` the JWT that it is logged in with */
  readonly token: TokenProvider;
  readonly jwt?: { readonly role: string; readonly mount: string } | undefined;
  readonly development: boolean;
  /** epoch milliseconds */
  readonly now: () => number;
  readonly sleep?: ((milliseconds: number) => Promise<void>) | undefined;
  /** by which way it is reached; default: the process's own */
  readonly way?: Way | undefined;
  /** requests at once, default 10 */
  readonly atOnce?: number | undefined;
  /** `fingerprint-key:` of service.yaml */
  readonly fingerprintKeys?: SecretStore['fingerprintKeys'] | undefined;
}

/** what leaves open whether a write was carried out */
const open: ReadonlySet<ErrorCode> = new Set(['unavailable', 'timeout', 'aborted', 'outcome-unknown', 'protocol']);

/**
 * The KV engine, version 2, of HashiCorp Vault or OpenBao. Values are written and never read back. A text is the key
 * `value` of its secret; a mapping has its own keys.
 */
export function createVaultKvStore(options: VaultKvStoreOptions): SecretStore {
  const {
    name: storeName,
    url,
    mount,
    namespace,
    now,
    jwt,
    sleep = (milliseconds: number) => wait(milliseconds),
  } = options;
  const pace = createPace({ atOnce: options.atOnce ?? 10, monotonic: systemClock.monotonic, sleep });
  const http = createVaultHttp({ ...options, sleep, pace });
  const login = jwt === undefined ? undefined : createJwtLogin({ http, ...jwt, jwt: options.token, now });
  const kv = createKvEngine(http, mount, login?.token ?? options.token, now);
  const place = namespace === undefined ? mount : `${namespace}/${mount}`;
  const idOf = (name: string) => `${place}/${name}`;
  const verified = madeOnce(requireVersion2);

  async function requireVersion2(): Promise<void> {
    const { type, version, path } = await kv.mount();
    const refuse = (what: string, hint: string) =>
      new FlowError('refused', `mount "${mount}" of store "${storeName}" ${what}`, { hint });
    if (type !== 'kv') throw refuse(`is no KV engine but ${type}`, 'compare mount: with vault secrets list');
    if (path !== mount)
      throw refuse(`is a path in mount "${path}"`, `write mount: ${path}, and the rest before each name`);
    if (version !== '2')
      throw refuse(
        'is KV version 1, which has no versions and no check-and-set: who wrote last could not be told',
        `vault kv enable-versioning ${mount} makes it version 2`,
      );
  }

  async function look({ name, id }: SecretName, signal?: AbortSignal): Promise<Found | undefined> {
    if (id !== undefined && id !== idOf(name)) return undefined;
    const found = await about(name, () => kv.metadata(name, signal));
    return found === undefined ? undefined : { kv: found, stored: storedAt(name, idOf(name), found) };
  }

  /** Writes the version after the one that was seen. */
  async function put({ name: { name }, version, value, isMapping }: SecretWrite, last: number, signal?: AbortSignal) {
    const written = { number: last + 1, name: version };
    const data = isMapping === true ? value : new Secret(JSON.stringify({ value: value.reveal() }));
    try {
      await kv.write(name, data, last, signal);
    } catch (error) {
      // what was refused is not there: the number may become someone else's
      if (error instanceof FlowError && !open.has(error.code))
        await kv.mergeMetadata(name, retracting, signal).catch(() => undefined);
      throw error;
    }
    await kv.mergeMetadata(name, confirming(written), signal);
    return { id: idOf(name) };
  }

  async function create(write: SecretWrite, signal?: AbortSignal): Promise<{ readonly id: string }> {
    const { name, version, metadata } = write;
    const found = await look(name, signal);
    if (found?.stored.current === version) return { id: found.stored.id };
    if (found !== undefined) throw new FlowError('conflict', 'it exists already');
    const custom = Object.entries({ ...customOf(metadata), ...announcing({ number: 1, name: version }) });
    await kv.replaceMetadata(name.name, Object.fromEntries(custom.filter(isText)), signal);
    return put(write, 0, signal);
  }

  async function update(write: SecretWrite, before: StoredSecret, signal?: AbortSignal) {
    const { name, version } = write;
    const found = await look(name, signal);
    if (found === undefined)
      throw new FlowError('conflict', 'it is gone since it was looked at', { hint: 'run again, and it is created' });
    const { stored, kv: seen } = found;
    if (stored.scheduledForDeletion)
      throw new FlowError('conflict', 'its newest version is deleted', {
        hint: `restore it: ${vaultKvRules.restore(name.name)}`,
      });
    if (stored.current === version) return { id: stored.id };
    if (isForeign(stored) && stored.current !== before.current)
      throw new FlowError('conflict', 'someone else has written it in between', { hint: 'look at it, and run again' });
    await kv.mergeMetadata(name.name, announcing({ number: seen.current + 1, name: version }), signal);
    return put(write, seen.current, signal);
  }

  return {
    address: url,
    scope: `${url} ${place}`,
    rules: vaultKvRules,
    verify: async () => verified.get(),

    async inspect(names, { signal } = {}) {
      const found = await Promise.all(names.map(async (each) => [each.name, await look(each, signal)] as const));
      return new Map(found.flatMap(([name, each]) => (each === undefined ? [] : [[name, each.stored] as const])));
    },

    async write(write, signal) {
      const { stored, name } = write;
      return about(name.name, () => (stored === undefined ? create(write, signal) : update(write, stored, signal)));
    },

    async annotate(id, metadata, signal) {
      const name = id.slice(place.length + 1);
      await about(name, async () => {
        if (await kv.mergeMetadata(name, customOf(metadata), signal)) return;
        throw new FlowError('not-found', 'it is gone since it was looked at');
      });
    },

    requests: http.requests,
    close: async () => login?.close(),
    fingerprintKeys: options.fingerprintKeys,
  };
}

interface Found {
  readonly kv: KvMetadata;
  readonly stored: StoredSecret;
}

/** Nobody has given the version in force a name. */
const isForeign = ({ current }: StoredSecret) => current?.startsWith('version ') === true;

const isText = (each: readonly [string, string | null]): each is [string, string] => each[1] !== null;

/** Names the secret that an error is about. */
async function about<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof FlowError)) throw error;
    throw error.at({ subject: `secret "${name}"` });
  }
}
