import { createServer, request as send, type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FlowError } from '../../../../src/foundation/errors.ts';
import { Secret } from '../../../../src/foundation/secret.ts';
import { createGovernor } from '../../../../src/adapters/vaults/governor/governor.ts';
import { createOnePasswordVault } from '../../../../src/adapters/vaults/onepassword/vault.ts';
import { startVault, type DevelopmentVault } from '../../../../src/laptop/vault/server.ts';
import { codeOf, ref, told } from '../../../contracts/vault.ts';

const one = 'op://One/item/password';
const two = 'op://Two/item/password';

/** What becomes of a request: passed on, answered with this status, or its connection closed without a byte. */
type Fate = 'passed' | 'closed' | { readonly status: number; readonly retryAfter?: number };

describe('between us and the service', () => {
  let server: DevelopmentVault;
  let front: ReturnType<typeof createServer>;
  let port = 0;
  /** signed in once, for what is not about its token */
  let shared: ReturnType<typeof open>;
  let fate: (request: IncomingMessage) => Fate = () => 'passed';
  beforeAll(async () => {
    const item = (value: string) => ({ title: 'item', fields: [{ label: 'password', type: 'text' as const, value }] });
    server = await startVault({ vaults: ['One', 'Two'].map((name) => ({ name, items: [item(`of ${name}`)] })) });
    front = createServer((incoming, response) => {
      const what = fate(incoming);
      if (what === 'closed') incoming.socket.destroy();
      else if (what !== 'passed') {
        const headers = what.retryAfter === undefined ? {} : { 'retry-after': String(what.retryAfter) };
        response.writeHead(what.status, headers).end('{}');
      } else {
        const onward = send(`${server.address}${incoming.url ?? ''}`, {
          method: incoming.method,
          headers: incoming.headers,
        });
        onward.on('response', (answer) => answer.pipe(response.writeHead(answer.statusCode ?? 0, answer.headers)));
        incoming.pipe(onward);
      }
    });
    // a client that computes for long between two requests must not find its connection just closed
    front.keepAliveTimeout = 60_000;
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
    const address = front.address();
    port = typeof address === 'object' && address !== null ? address.port : 0;
    const token = newToken();
    shared = open(() => token);
  });
  beforeEach(() => {
    fate = () => 'passed';
  });
  afterAll(async () => {
    await shared.close();
    front.closeAllConnections();
    front.close();
    await server.close();
  });

  const newToken = () => {
    const fields: object = JSON.parse(Buffer.from(server.token().reveal().slice(4), 'base64url').toString('utf8'));
    const moved = { ...fields, signInAddress: `http://127.0.0.1:${port}` };
    return new Secret(`ops_${Buffer.from(JSON.stringify(moved)).toString('base64url')}`);
  };
  const open = (token: () => Secret) =>
    createOnePasswordVault({ token: () => Promise.resolve(token()), rereads: true, development: true });
  const read = async (vault: Pick<ReturnType<typeof open>, 'read'>, text: string) =>
    told((await vault.read([ref(text)])).get(text));

  test('a connection that was closed meanwhile is tried once more', async () => {
    expect(await read(shared, one)).toBe('of One');
    let closed = 0;
    fate = () => (++closed === 1 ? 'closed' : 'passed');
    expect(await read(shared, one)).toBe('of One');
    expect(closed).toBe(2);
    fate = () => 'closed';
    expect(await codeOf(shared.read([ref(one)]))).toBe('unavailable');
  });

  test('a write is not', async () => {
    let writes = 0;
    fate = ({ method }) => (method === 'PATCH' && ++writes > 0 ? 'closed' : 'passed');
    const password = { length: 8, digits: true, symbols: true };
    const login = { vault: 'One', title: 't', username: 'u', password, tags: [] };
    expect(await codeOf(shared.items?.createLogin(login) ?? Promise.resolve())).toBe('unavailable');
    expect(writes).toBe(1);
  });

  test('a token that is refused by 400, 401 or 403 is replaced at once where its file was', async () => {
    let current = newToken();
    const vault = open(() => current);
    expect(await read(vault, one)).toBe('of One');
    for (const status of [400, 401, 403]) {
      const next = newToken();
      let sessions = 0;
      fate = (request) => {
        if (request.url?.endsWith('/auth/start')) sessions += 1;
        return sessions > 0 && current === next ? 'passed' : { status };
      };
      await vault.read([ref(one)]).catch(() => undefined);
      current = next;
      await vault.read([ref(one)]).catch(() => undefined);
      expect([status, await read(vault, one)]).toEqual([status, 'of One']);
    }
    await vault.close();
  });

  test('a refusal says when the token was read, and a circuit that is open looks for another', async () => {
    let current = newToken();
    const vault = open(() => current);
    const governor = createGovernor(vault, { ledger: undefined, now: Date.now, random: () => 0 });
    fate = () => ({ status: 401 });
    const error = await governor.read([ref(one)]).catch((thrown: unknown) => thrown);
    expect((error as FlowError).line()).toMatch(/refused its token.*it was read at \d{4}-/);
    for (let round = 0; round < 5; round += 1) await governor.read([ref(one)]).catch(() => undefined);
    expect(governor.usage()?.circuit).toBe('open');
    fate = () => 'passed';
    expect(await codeOf(governor.read([ref(one)]))).toBe('denied');
    current = newToken();
    expect(await read(governor, one)).toBe('of One');
    await governor.close();
  });

  test('the wait that a service asked of one call is not told of another', async () => {
    await shared.read([ref(one), ref(two)]);
    const busy = server.dump().find(({ vault: name }) => name === 'One')?.vaultId ?? '';
    const broken = server.dump().find(({ vault: name }) => name === 'Two')?.vaultId ?? '';
    fate = ({ url }) =>
      url?.includes(busy) ? { status: 429, retryAfter: 77 } : url?.includes(broken) ? { status: 500 } : 'passed';
    const outcome = await Promise.all(
      [one, two].map((text) => shared.read([ref(text)]).catch((thrown: unknown) => thrown)),
    );
    expect(outcome).toMatchObject([{ code: 'rate-limited', retryAfter: 77 }, { retryAfter: undefined }]);
    fate = ({ url }) => (url?.includes(busy) ? { status: 429 } : 'passed');
    expect(await shared.read([ref(one)]).catch((thrown: unknown) => thrown)).toMatchObject({ retryAfter: undefined });
  });
});
