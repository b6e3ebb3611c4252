import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createVaults } from '../../../../src/adapters/vaults/by-vault-name.ts';
import type { VaultItems } from '../../../../src/adapters/vaults/contract.ts';
import { createGovernor } from '../../../../src/adapters/vaults/governor/governor.ts';
import { createConnectVault } from '../../../../src/adapters/vaults/onepassword-connect/vault.ts';
import { createOnePasswordVault } from '../../../../src/adapters/vaults/onepassword/vault.ts';
import { Secret } from '../../../../src/foundation/secret.ts';
import { type DevelopmentVault, startVault } from '../../../../src/laptop/vault/server.ts';
import { newSshKey } from '../../../../src/laptop/vault/ssh-keys.ts';
import { codeOf, ref, told, vaultContract } from '../../../contracts/vault.ts';

type Options = Partial<Parameters<typeof createConnectVault>[0]>;

vaultContract('1Password Connect', async (vaults) => {
  const server = await startVault({ vaults });
  const token = server.connectToken();
  const open = () =>
    createConnectVault({ url: server.address, token: async () => token, development: true, now: Date.now });
  const other = open();
  return {
    vault: open(),
    batch: 1,
    requests: () => server.requests() - other.requests(),
    another: () => other,
    stop: () => server.close(),
  };
});

const pem = newSshKey();
const text = 'a certificate — and\nits chain\n';
const password = 'op://Agents/One/password';
const seed = (letter: string) => new Secret(letter.repeat(16));
const login = (title: string, length = 20) => ({
  vault: 'Agents',
  title,
  username: 'u',
  password: { length, digits: true, symbols: true },
  tags: [`of ${title}`],
});

describe('1Password Connect', () => {
  let server: DevelopmentVault;
  beforeAll(async () => {
    const field = (value: string) => [{ label: 'password', type: 'concealed' as const, value }];
    server = await startVault({
      vaults: [
        {
          name: 'Agents',
          items: [
            { title: 'One', fields: field('one') },
            { title: 'Deploy', category: 'ssh-key', fields: [{ label: 'private key', type: 'ssh-key', value: pem }] },
            { title: 'Kubeconfig', category: 'document', fields: [{ label: 'config', type: 'file', value: text }] },
            {
              title: 'Orders TLS',
              fields: [
                { label: 'ca.pem', type: 'file', value: text },
                { label: 'ca.pem', section: 'Old', type: 'file', value: 'old' },
                { label: 'broken', type: 'one-time-password', value: 'no seed!' },
              ],
            },
          ],
        },
        {
          name: 'Many',
          items: Array.from({ length: 40 }, (_, index) => ({ title: `n${index}`, fields: field(`v${index}`) })),
        },
      ],
    });
  });
  afterAll(() => server.close());

  const open = (more: Options = {}) => {
    const token = server.connectToken();
    return createConnectVault({
      url: server.address,
      token: () => Promise.resolve(token),
      development: true,
      now: Date.now,
      ...more,
    });
  };
  const itemsOf = (more: Options = {}): VaultItems => {
    const { items } = open(more);
    if (items === undefined) throw new TypeError('no items');
    return items;
  };
  const read = async (reference: string, from = open()) => told((await from.read([ref(reference)])).get(reference));
  const idOf = (title: string) => {
    const item = server.dump().find((each) => each.title === title);
    return `op://${item?.vaultId}/${item?.id}`;
  };

  test('contacts nothing and reads no token before the first call', async () => {
    let asked = 0;
    const token = server.connectToken();
    const vault = open({
      token() {
        asked += 1;
        return Promise.resolve(token);
      },
    });
    expect([await vault.read([]), asked, vault.requests()]).toEqual([new Map(), 0, 0]);
    await Promise.all([read(password, vault), vault.items?.get(ref('op://Agents/One'))]);
    expect([asked, vault.address]).toEqual([1, server.address]);
  });

  test('an item is a request, eight of them at once, and each list is asked for once', async () => {
    const texts = Array.from({ length: 40 }, (_, index) => `op://Many/n${index}/password`);
    let [now, most] = [0, 0];
    const way = {
      proxy: undefined,
      proxyOf: () => undefined,
      agent: () => undefined,
      async fetch(input: string | Request, init: RequestInit) {
        now += 1;
        most = Math.max(most, now);
        try {
          return await fetch(input, init);
        } finally {
          now -= 1;
        }
      },
    };
    const vault = open({ way });
    const found = await vault.read(texts.map(ref));
    expect(texts.map((each) => told(found.get(each)))).toEqual(texts.map((_, index) => `v${index}`));
    expect([vault.requests(), most]).toEqual([2 + 40, 8]);
  });

  test('by ids no list is asked for', async () => {
    const vault = open();
    expect([await read(`${idOf('One')}/password`, vault), vault.requests()]).toEqual(['one', 1]);
  });

  test.each([
    ['an attachment', 'op://Agents/Orders TLS/ca.pem?attribute=content', text],
    ['one in a section', 'op://Agents/Orders TLS/Old/ca.pem', 'old'],
    ['its size in bytes', 'op://Agents/Orders TLS/Old/ca.pem?attribute=size', '3'],
    ['a document', 'op://agents/kubeconfig/CONFIG', text],
    ['a private key as it is stored', 'op://Agents/Deploy/private key', pem],
    ['what type a field has', 'op://Agents/Deploy/private key?attribute=type', 'SSHKEY'],
    ['a key in a format that is none', 'op://Agents/Deploy/private key?ssh-format=ppk', 'invalid-value'],
    ['notes that are empty', 'op://Agents/One/notesPlain', 'not-found'],
    ['a code of what is no seed', 'op://Agents/Orders TLS/broken?attribute=otp', 'invalid-value'],
  ])('reads %s', async (_, reference, expected) => {
    expect(await read(reference)).toBe(expected);
  });

  test('gives an SSH key as OpenSSH has it, the same as the SDK does', async () => {
    const token = server.token();
    const sdk = createOnePasswordVault({ token: async () => token, development: true });
    const keys = await Promise.all(
      [open(), sdk].map((vault) => read('op://Agents/Deploy/private key?ssh-format=openssh', vault)),
    );
    // all but the number that is made up each time, and a comment
    const [one, other] = keys.map((key) => Buffer.from((key ?? '').replace(/-----.*-----|\s/g, ''), 'base64'));
    expect(one?.subarray(0, 98)).toEqual(other?.subarray(0, 98));
    expect(one?.subarray(106, 106 + 19 + 36 + 68)).toEqual(other?.subarray(106, 106 + 19 + 36 + 68));
    await sdk.close();
  });

  test('a code is made here, by our own clock', async () => {
    const items = itemsOf();
    const made = await items.createLogin(login('clock'));
    await items.setOneTimePassword(made, new Secret('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'), { previous: 'keep' });
    // RFC 6238, appendix B, cut to six digits
    const vault = open({ now: () => 59_000 });
    expect(await read('op://Agents/clock/one-time password?attribute=otp', vault)).toBe('287082');
  });

  test('the SDK and Connect stand side by side, each for its vaults', async () => {
    const token = server.token();
    const sdk = createOnePasswordVault({ token: async () => token, development: true });
    const connect = open();
    const vaults = createVaults([{ vaults: ['Agents'], vault: sdk }, { vault: connect }]);
    const wanted = [password, 'op://Many/n1/password'];
    const found = await vaults.read(wanted.map(ref));
    expect(wanted.map((each) => told(found.get(each)))).toEqual(['one', 'v1']);
    expect([connect.requests(), sdk.requests() > 0]).toEqual([3, true]);
    await vaults.close();
  });

  test('a token that was replaced is read again, and one that was not is denied', async () => {
    const [first, second] = [server.connectToken(), server.connectToken()];
    let current = first;
    const vault = open({ token: () => Promise.resolve(current) });
    expect(await read(password, vault)).toBe('one');
    server.revoke(first);
    expect(await codeOf(vault.read([ref(password)]))).toBe('denied');
    current = second;
    expect(await Promise.all([read(password, vault), read('op://Many/n1/password', vault)])).toEqual(['one', 'v1']);
  });

  test.each([400, 403])('one that was replaced by one that may do more is read again: %d', async (status) => {
    let current = new Secret('first');
    const item = { id: 'abcdefghijklmnopqrstuvwxyz', title: 'One', version: 3 };
    const fields = [{ id: 'password', type: 'CONCEALED', label: 'password', value: 'one' }];
    const answers: Readonly<Record<string, unknown>> = {
      '/v1/vaults': [{ id: item.id, name: 'Agents' }],
      [`/v1/vaults/${item.id}/items`]: [item],
      [`/v1/vaults/${item.id}/items/${item.id}`]: { ...item, fields },
    };
    await answering(
      ({ url = '', headers }, response) => {
        const refused = headers.authorization !== 'Bearer second' && url.includes('items');
        response.writeHead(refused ? status : 200).end(refused ? '{}' : JSON.stringify(answers[url]));
      },
      async (url) => {
        const vault = open({ url, token: () => Promise.resolve(current) });
        expect(await read('op://Agents/One/password', vault)).not.toBe('one');
        current = new Secret('second');
        expect(await read('op://Agents/One/password', vault)).toBe('one');
      },
    );
  });

  test.each(['', 'with a\nline break', 'kaputt — ü'])(
    'a token that is malformed (%j) is sent nowhere',
    async (token) => {
      const vault = open({ token: () => Promise.resolve(new Secret(token)) });
      expect([await codeOf(vault.read([ref(password)])), vault.requests()]).toEqual(['invalid-value', 0]);
    },
  );

  test('a token for fewer vaults sees those alone, and one for reading writes nowhere', async () => {
    const tokenOf = (options: Parameters<DevelopmentVault['connectToken']>[0]) => {
      const token = server.connectToken(options);
      return { token: () => Promise.resolve(token) };
    };
    const few = open(tokenOf({ vaults: ['agents'] }));
    const wanted = [password, 'op://Many/n1/password', `${idOf('n1')}/password`];
    const found = await few.read(wanted.map(ref));
    expect(wanted.map((each) => told(found.get(each)))).toEqual(['one', 'not-found', 'not-found']);
    expect(await read(`${idOf('n1')}/password`, open(tokenOf({ vaults: ['agents'] })))).toBe('denied');
    const readOnly = itemsOf(tokenOf({ access: 'read' }));
    expect(await codeOf(readOnly.createLogin(login('no')))).toBe('denied');
  });

  test('plain http is for development, and a redirect is not followed', async () => {
    expect(await codeOf(open({ development: false }).read([ref(password)]))).toBe('refused');
    await answering(
      (_, response) => response.writeHead(307, { location: server.address }).end(),
      async (url) => expect(await codeOf(open({ url }).read([ref(password)]))).toBe('refused'),
    );
  });

  test('an address may have a path before /v1', async () => {
    const seen: string[] = [];
    await answering(
      (request, response) => {
        seen.push(request.url ?? '');
        response.end('[]');
      },
      async (url) => {
        for (const path of ['/connect', '/connect/']) await open({ url: `${url}${path}` }).read([ref(password)]);
      },
    );
    expect(seen).toEqual(['/connect/v1/vaults', '/connect/v1/vaults']);
  });

  test.each([
    ['v1/vaults', 401, 'denied'],
    ['v1/vaults', 404, 'protocol'],
    ['v1/vaults', 429, 'rate-limited'],
    ['v1/vaults', 500, 'unavailable'],
    ['v1/vaults', 503, 'unavailable'],
    ['v1/vaults', 418, 'protocol'],
    ['items', 400, 'refused'],
    ['items', 403, 'denied'],
    ['items', 404, 'not-found'],
    ['items', 413, 'invalid-value'],
    ['items', 502, 'unavailable'],
    ['v1/vaults', 200, 'protocol'],
    ['items', 200, 'protocol'],
  ])('an answer at %s of %d is %s', async (place, status, code) => {
    await answering(
      (request, response) => {
        const hit = request.url?.endsWith(place) === true;
        response.writeHead(hit ? status : 200);
        response.end(hit ? '<p>' : JSON.stringify([{ id: 'abcdefghijklmnopqrstuvwxyz', name: 'Agents' }]));
      },
      async (url) => {
        const found = await open({ url })
          .read([ref(password)])
          .then((values) => values.get(password))
          .catch((error: unknown) => error);
        expect(found).toMatchObject({ code });
      },
    );
  });

  test.each<[string, object, BufferEncoding]>([
    ['another item', { id: 'zyxwvutsrqponmlkjihgfedcba' }, 'utf8'],
    ['a value that is not UTF-8', {}, 'latin1'],
  ])('%s is none of its answers', async (_, more, encoding) => {
    const fields = [{ id: 'password', type: 'CONCEALED', label: 'password', value: 'é' }];
    const item = { id: 'abcdefghijklmnopqrstuvwxyz', title: 'One', version: 3, fields };
    const answers: Readonly<Record<string, unknown>> = {
      '/v1/vaults': [{ id: item.id, name: 'Agents' }],
      [`/v1/vaults/${item.id}/items`]: [{ ...item, fields: [] }],
      [`/v1/vaults/${item.id}/items/${item.id}`]: { ...item, ...more },
    };
    await answering(
      (request, response) => response.end(JSON.stringify(answers[request.url ?? '']), encoding),
      async (url) => expect(await codeOf(open({ url }).read([ref('op://Agents/One/password')]))).toBe('protocol'),
    );
  });

  test.each([
    ['a refusal that repeats what was sent is told without it', 400, 'refused'],
    ['a Connect that takes no notice of the version is told of as a conflict', 200, 'conflict'],
  ])('%s', async (_, status, code) => {
    const item = { id: 'abcdefghijklmnopqrstuvwxyz', title: 'One', version: 3, fields: [] };
    const answers: Readonly<Record<string, unknown>> = {
      '/v1/vaults': [{ id: item.id, name: 'Agents' }],
      [`/v1/vaults/${item.id}/items`]: [item],
      [`/v1/vaults/${item.id}/items/${item.id}`]: item,
    };
    await answering(
      (request, response) => {
        if (request.method !== 'PUT') return void response.end(JSON.stringify(answers[request.url ?? '']));
        request.setEncoding('utf8').once('data', (sent: string) => {
          response.writeHead(status).end(status === 200 ? JSON.stringify({ ...item, version: 5 }) : sent);
        });
      },
      async (url) => {
        const items = itemsOf({ url });
        const change = items.setOneTimePassword(await items.get(ref('op://Agents/One')), seed('S'), {
          previous: 'keep',
        });
        const error: unknown = await change.catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({ code });
        expect(inspect(error, { depth: 9 })).not.toContain(seed('S').reveal());
      },
    );
  });

  test('how long it asks to wait is told', async () => {
    await answering(
      (_, response) => response.writeHead(429, { 'retry-after': '7' }).end(),
      async (url) => {
        await expect(open({ url }).read([ref(password)])).rejects.toMatchObject({ retryAfter: 7 });
      },
    );
  });

  test('what is not there, and what does not answer, is told as such', async () => {
    let url = '';
    await answering(
      () => undefined,
      async (address) => {
        url = address;
        expect(await codeOf(open({ url, deadline: 50 }).read([ref(password)]))).toBe('timeout');
      },
    );
    expect(await codeOf(open({ url }).read([ref(password)]))).toBe('unavailable');
  });

  test('has no quota to be kept below: reads go through, and only failures are minded', async () => {
    const vault = open();
    const governor = createGovernor(vault, { ledger: undefined, now: Date.now });
    await governor.read([ref(password)]);
    for (let count = 0; count < 50; count += 1) await governor.read([ref(password)]);
    expect(governor.usage()).toMatchObject({ limits: undefined, circuit: 'closed', used: { hour: vault.requests() } });
    await answering(
      (_, response) => response.writeHead(503).end(),
      async (address) => {
        const failing = open({ url: address });
        const minded = createGovernor(failing, { ledger: undefined, now: Date.now });
        for (let count = 0; count < 8; count += 1) await codeOf(minded.read([ref(password)]));
        expect([failing.requests(), minded.usage()?.circuit]).toEqual([5, 'open']);
      },
    );
  });

  test('tells of its health, and of a part that does not work', async () => {
    const [governor] = createVaults([{ vault: createGovernor(open(), { ledger: undefined, now: Date.now }) }]).parts?.([
      ref(password),
    ]) ?? [undefined];
    expect(await governor?.vault.health?.()).toBe('1Password Connect API development');
    const dependencies = [{ service: 'sync', status: 'INACTIVE', message: 'no route' }];
    for (const [status, body, expected] of [
      [200, { name: 'Connect', version: '1.7.3', dependencies }, 'unavailable'],
      [503, {}, 'unavailable'],
      [404, {}, 'no error'],
      [200, 'hello', 'protocol'],
    ] as const) {
      await answering(
        (_, response) => response.writeHead(status).end(JSON.stringify(body)),
        async (url) => expect(await codeOf(open({ url }).health?.() ?? Promise.resolve())).toBe(expected),
      );
    }
  });

  test('makes no password that its generator cannot make', async () => {
    const items = itemsOf();
    expect(await codeOf(items.createLogin(login('long', 65)))).toBe('usage');
    const made = await items.createLogin(login('longest', 64));
    expect(made.fields.find(({ id }) => id === 'password')?.value.reveal()).toHaveLength(64);
  });

  test('changes no item that Connect would write with losses', async () => {
    const items = itemsOf();
    const item = await items.get(ref('op://Agents/Deploy'));
    expect(item.isFixed).toBe(true);
    expect(await codeOf(items.setOneTimePassword(item, seed('A'), { previous: 'keep' }))).toBe('refused');
    expect(await read('op://Agents/Deploy/private key')).toBe(pem);
  });

  test('an archived item is gone for good, and files of a changed one stay', async () => {
    const items = itemsOf();
    const made = await items.createLogin(login('gone'));
    await items.archive(made);
    expect(server.dump().some(({ id }) => id === made.id)).toBe(false);
    const tls = await items.get(ref('op://Agents/Orders TLS'));
    const change = items.setOneTimePassword(tls, seed('A'), { previous: 'keep' });
    expect((await change).version).toBe(tls.version + 1);
    expect(await read('op://Agents/Orders TLS/Old/ca.pem')).toBe('old');
  });

  describe('behind its sync', () => {
    /** The sync comes when it was waited for so often; undefined: never. */
    const lagging = (waits?: number) => {
      let waited = 0;
      const vault = open({
        sleep: async () => {
          waited += 1;
          if (waited === waits) server.setConnectLag(false);
        },
      });
      if (vault.items === undefined) throw new TypeError('no items');
      return { vault, items: vault.items, waited: () => waited };
    };
    const inLag = async (work: () => Promise<void>) => {
      server.setConnectLag(true);
      try {
        await work();
      } finally {
        server.setConnectLag(false);
      }
    };

    test('a change of another is no lost write: whoever has the older version is refused', async () => {
      const { items } = lagging();
      const made = await items.createLogin(login('stale'));
      await inLag(async () => {
        server.extend('Agents', 'stale', [{ label: 'of another', type: 'text', value: 'kept' }]);
        expect(await codeOf(items.setOneTimePassword(made, seed('A'), { previous: 'keep' }))).toBe('conflict');
      });
      expect(await read('op://Agents/stale/of another')).toBe('kept');
    });

    test('what was written through it is found, read and changed once its sync has come', async () => {
      await inLag(async () => {
        const { vault, items, waited } = lagging(2);
        const made = await items.createLogin(login('late'));
        expect(waited()).toBe(0);
        expect((await items.find('Agents', 'of late')).map(({ id }) => id)).toEqual([made.id]);
        expect(waited()).toBe(2);
        server.setConnectLag(true);
        const changed = await items.setOneTimePassword(made, seed('A'), { previous: 'keep' });
        const second = lagging(1);
        expect(await read('op://Agents/late/one-time password', second.vault)).toBe('not-found');
        server.setConnectLag(false);
        expect(await read('op://Agents/late/one-time password', vault)).toBe(seed('A').reveal());
        expect(changed.version).toBe(2);
      });
    });

    test('what was deleted through it is gone at once, although its copy has it', async () => {
      const { items } = lagging();
      const made = await items.createLogin(login('ended'));
      await items.get(made.reference);
      await inLag(async () => {
        await items.archive(made);
        await items.archive(made);
        expect(await items.find('Agents', 'of ended')).toEqual([]);
        expect(await codeOf(items.get(made.reference))).toBe('not-found');
      });
    });

    test('what its copy has not got yet is not taken for gone', async () => {
      await inLag(async () => {
        const { items, waited } = lagging(1);
        const made = await items.createLogin(login('early'));
        await items.archive(made);
        expect(waited()).toBe(1);
        expect(server.dump().some(({ id }) => id === made.id)).toBe(false);
      });
    });

    test('a sync that does not come is told, and believed after a minute', async () => {
      await inLag(async () => {
        let time = 1_000_000;
        const vault = open({ now: () => time, sleep: async () => undefined });
        const made = await vault.items?.createLogin(login('never'));
        const reference = made?.reference.sibling('password').toString() ?? '';
        expect(await read(reference, vault)).toBe('unavailable');
        time += 61_000;
        expect(await read(reference, vault)).toBe('not-found');
      });
    });
  });
});

/** A server of one's own at a free port, for as long as the work takes. */
async function answering(listener: RequestListener, work: (url: string) => Promise<unknown>): Promise<void> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  try {
    await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
