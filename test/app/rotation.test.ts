import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type App, openApp } from '../../src/app/open-app.ts';
import { parseInputs } from '../../src/folder/flows/inputs.ts';
import { takeEnvironment } from '../../src/foundation/environment-variables.ts';
import type { RunningStack } from '../../src/laptop/start-stack.ts';
import { createHome } from '../e2e/home.ts';

const home = createHome();
let stack: RunningStack;
let app: App;
beforeAll(async () => {
  const file = 'flows/development.yaml';
  const before = readFileSync(join(home.work, file), 'utf8');
  home.write(file, before.replace('identity-providers: {', 'identity-providers: { main: { type: keycloak },'));
  stack = await home.stack();
  app = await openApp({ dir: join(home.work, 'flows'), environment: 'development', taken: takeEnvironment({}) });
});
afterAll(async () => {
  await app.close();
  await home.close();
});

const fields = () =>
  Object.fromEntries(
    stack.vault
      .dump()
      .find(({ title }) => title === 'Orders M2M')
      ?.fields.map(({ label, value }) => [label, value]) ?? [],
  );
async function accepts(secret: string | undefined): Promise<boolean> {
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: fields()['username'] ?? '',
    client_secret: secret ?? '',
    resource: 'https://orders.example',
  });
  return (await fetch(new URL('/token', stack.addresses.issuer), { method: 'POST', body })).ok;
}

test('the shipped rotation changes a secret at Keycloak too: old and new are accepted, then the old one is refused', async () => {
  const flow = app.flow('rotate-orders-client');
  const inputs = (overlap: string) => parseInputs(flow, { 'if-older-than': '1s', overlap });
  const former = fields()['credential'];
  await app.run(flow, inputs('24h'));
  const { credential } = fields();
  expect(fields()).toMatchObject({ 'credential (previous)': former });
  expect(credential).not.toBe(former);
  expect([await accepts(credential), await accepts(former)]).toEqual([true, true]);
  expect((await app.plan(flow, inputs('24h'))).wouldChange).toBe(false);
  await app.run(flow, inputs('1s'));
  expect(Object.keys(fields()).toSorted()).toEqual(['credential', 'username']);
  expect([await accepts(credential), await accepts(former)]).toEqual([true, false]);
});
