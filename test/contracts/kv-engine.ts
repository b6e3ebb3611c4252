import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPace } from '../../src/foundation/request-pace.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { createKvEngine, type KvEngine } from '../../src/adapters/kv/kv-engine.ts';
import { createVaultHttp, type VaultHttp } from '../../src/adapters/kv/vault-http.ts';

/** A server of Vault or OpenBao with KV of version 2 at `secret` and of version 1 at `old`, and an empty namespace `team`. */
export interface VaultServer {
  readonly url: string;
  readonly root: Secret;
  close(): Promise<void>;
}

/** A client of it as the adapters make theirs. */
export function openVault(
  { url }: Pick<VaultServer, 'url'>,
  options: { readonly namespace?: string; readonly sleep?: () => Promise<void> } = {},
): VaultHttp {
  const sleep = () => Promise.resolve();
  const pace = createPace({ atOnce: 10, monotonic: () => performance.now(), sleep });
  return createVaultHttp({ url, development: true, now: Date.now, sleep, pace, ...options });
}

/** What {@link KvEngine} does with a server, and what a server must answer so that it does. */
export function kvEngineContract(title: string, start: () => Promise<VaultServer>): void {
  let server: VaultServer;
  let kv: KvEngine;
  let count = 0;
  const engine = (mount: string, namespace?: string, token?: Secret) =>
    createKvEngine(
      openVault(server, namespace === undefined ? {} : { namespace }),
      mount,
      async () => token ?? server.root,
      Date.now,
    );
  const fresh = () => `engine/${(count += 1)}`;
  const put = async (path: string, data: string, cas = 0) => kv.write(path, new Secret(data), cas);
  /** As others use it. @returns the answer's `data` */
  const raw = async (method: string, path: string, body?: object): Promise<unknown> => {
    const headers = { 'x-vault-token': server.root.reveal() };
    const init = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(`${server.url}/v1/${path}`, { method, headers, ...init });
    expect(response.ok).toBe(true);
    const text = await response.text();
    return text === '' ? undefined : (JSON.parse(text) as { readonly data: unknown }).data;
  };
  const valuesAt = async (path: string) =>
    ((await raw('GET', `secret/data/${path}`)) as { readonly data: unknown }).data;

  // oxlint-disable-next-line vitest/valid-title -- named by whoever runs the suite
  describe(title, () => {
    beforeAll(async () => {
      server = await start();
      kv = engine('secret');
    });
    afterAll(() => server.close());

    it('tells what is mounted, and not whether something is that nobody may see', async () => {
      expect(await kv.mount()).toEqual({ type: 'kv', version: '2', path: 'secret' });
      expect(await engine('old').mount()).toMatchObject({ type: 'kv', version: '1' });
      await expect(engine('none').mount()).rejects.toMatchObject({ code: 'denied' });
    });

    it('knows nothing of what was never written', async () => {
      const path = fresh();
      expect(await kv.metadata(path)).toBeUndefined();
      expect(await kv.mergeMetadata(path, { a: 'b' })).toBe(false);
    });

    it('writes where the newest version is the expected one, and nowhere else', async () => {
      const path = fresh();
      expect(await put(path, '{"a":"one"}')).toBe(1);
      for (const cas of [0, 2]) await expect(put(path, '{}', cas)).rejects.toMatchObject({ code: 'conflict' });
      expect(await put(path, '{"a":"two","n":1.0,"o":{"x":[1,null]},"e":""}', 1)).toBe(2);
      expect(await kv.metadata(path)).toMatchObject({ current: 2 });
      expect(await valuesAt(path)).toEqual({ a: 'two', n: 1, o: { x: [1, null] }, e: '' });
    });

    it('keeps names as they are, whatever is in them', async () => {
      const odd = ['a%b', 'a%2Fb', 'ä€ 😀', 'a?b#c', "it's", 'a b', '+', 'n'.repeat(512), '"'];
      for (const name of odd) await put(`odd/${name}`, JSON.stringify({ name }));
      const listed = (await raw('GET', 'secret/metadata/odd?list=true')) as { readonly keys: readonly string[] };
      expect(listed.keys.toSorted()).toEqual(odd.toSorted());
      for (const name of odd) expect(await kv.metadata(`odd/${name}`)).toMatchObject({ current: 1 });
    });

    it('tells a version that is deleted from one that is destroyed', async () => {
      const path = fresh();
      await put(path, '{"a":"one"}');
      await put(path, '{"a":"two"}', 1);
      await raw('DELETE', `secret/data/${path}`);
      expect(await kv.metadata(path)).toMatchObject({ current: 2 });
      expect((await kv.metadata(path))?.versions.get(2)).toEqual({ deleted: true, destroyed: false });
      await raw('POST', `secret/undelete/${path}`, { versions: [2] });
      expect((await kv.metadata(path))?.versions.get(2)).toEqual({ deleted: false, destroyed: false });
      await raw('POST', `secret/destroy/${path}`, { versions: [2] });
      expect((await kv.metadata(path))?.versions.get(2)).toMatchObject({ destroyed: true });
    });

    it('sets custom metadata before there is a version, and changes parts of it', async () => {
      const path = fresh();
      await kv.replaceMetadata(path, { a: '1', b: '2' });
      expect(await kv.metadata(path)).toMatchObject({ current: 0, custom: { a: '1', b: '2' } });
      expect(await put(path, '{}')).toBe(1);
      expect(await kv.mergeMetadata(path, { a: null, c: '3' })).toBe(true);
      expect(await kv.metadata(path)).toMatchObject({ current: 1, custom: { b: '2', c: '3' } });
      await expect(kv.mergeMetadata(path, { c: '' })).rejects.toMatchObject({ code: 'refused' });
    });

    it('keeps namespaces apart', async () => {
      await expect(engine('secret', 'nowhere').metadata('x')).rejects.toMatchObject({ code: 'not-found' });
      await expect(engine('secret', 'team').metadata('x')).rejects.toMatchObject({ code: 'not-found' });
    });

    it('refuses a token that it does not know', async () => {
      const stranger = engine('secret', undefined, new Secret('s.stranger'));
      await expect(stranger.metadata('x')).rejects.toMatchObject({
        code: 'denied',
        message: 'the Vault server does not know the token',
      });
    });
  });
}
