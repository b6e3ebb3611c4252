import { createServer } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { createWay } from '../../../../src/foundation/proxy.ts';
import type { IdentityServices } from '../../../../src/adapters/identity/adapter.ts';
import { scim } from '../../../../src/adapters/identity/scim/index.ts';
import { takeEnvironment } from '../../../../src/foundation/environment-variables.ts';
import { Reference } from '../../../../src/foundation/reference.ts';
import { Secret } from '../../../../src/foundation/secret.ts';

let folder: string;
let url: string;
let accepted = 'one';
const seen: string[] = [];
const server = createServer((request, response) => {
  seen.push(request.headers.authorization ?? '');
  const good = request.headers.authorization === `Bearer ${accepted}`;
  response.writeHead(good ? 200 : 401, { 'content-type': 'application/scim+json' });
  response.end(JSON.stringify(good ? { totalResults: 0 } : {}));
});
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'scim-token-'));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/scim/v2`;
});
afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true });
});
beforeEach(() => {
  seen.length = 0;
  accepted = 'one';
});

const environment = { IDP_TOKEN: 'one' };
const reference = Reference.parse('op://Agents/SCIM/credential');
let stored = 'one';

async function provider(token: unknown, given: Partial<IdentityServices> = {}) {
  const { create } = await scim.load();
  return create(
    { url, token },
    {
      name: 'main',
      development: true,
      now: Date.now,
      way: createWay(undefined),
      token: undefined,
      taken: takeEnvironment(environment),
      issuer: () => expect.unreachable(),
      read: async (asked) => {
        expect(asked).toBe(reference);
        return new Secret(stored);
      },
      ...given,
    },
  );
}

it.each([
  ['a reference', () => reference],
  ['a variable', () => ({ env: 'IDP_TOKEN' })],
  ['a command', () => ({ command: [process.execPath, '-e', 'console.log("one")'] })],
])('the bearer is the token of %s', async (_, token) => {
  const main = await provider(token());
  await expect(main.find('a')).resolves.toBeUndefined();
  expect(seen).toEqual(['Bearer one']);
});

it('is read once, and again where it is refused', async () => {
  const file = join(folder, 'token');
  await writeFile(file, 'one\n');
  const main = await provider({ file });
  await main.find('a');
  await writeFile(file, 'two\n');
  await main.find('a');
  accepted = 'two';
  await main.find('a');
  expect(seen).toEqual(['Bearer one', 'Bearer one', 'Bearer one', 'Bearer two']);
});

it('names the provider where there is none', async () => {
  const main = await provider({ file: join(folder, 'absent') });
  await expect(main.find('a')).rejects.toMatchObject({
    code: 'denied',
    message: expect.stringContaining('the token of "main" is missing'),
  });
});

it('comes from the flow where there is one', async () => {
  const main = await provider(undefined, { token: async () => new Secret('one') });
  await main.find('a');
  expect(seen).toEqual(['Bearer one']);
});
