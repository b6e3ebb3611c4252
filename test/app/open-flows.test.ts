import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Flows, openFlows } from '../../src/app/open-flows.ts';
import { FlowError } from '../../src/foundation/errors.ts';
import type { RunningStack } from '../../src/laptop/start-stack.ts';
import { createHome } from '../e2e/home.ts';

const home = createHome();
const dir = join(home.work, 'flows');
let stack: RunningStack;
let flows: Flows;
beforeAll(async () => {
  stack = await home.stack();
  flows = await openFlows({ dir, environment: 'development' });
});
afterAll(async () => {
  await flows.close();
  await home.close();
});

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error: unknown) => (error instanceof FlowError ? error.code : String(error)),
  );

describe('a folder of flows, opened by a program', () => {
  it('gives a token, and the same one until an API refuses it', async () => {
    const first = await flows.token('orders-token');
    expect(first).toMatchObject({ tokenType: 'Bearer', scope: 'orders:read' });
    expect(String(first.accessToken)).toBe('[secret]');
    const minted = stack.identityProvider.requests().token;
    const again = await flows.token('orders-token');
    expect(again.accessToken.reveal()).toBe(first.accessToken.reveal());
    expect(stack.identityProvider.requests().token).toBe(minted);
    const hash = createHash('sha256').update(first.accessToken.reveal()).digest('hex');
    expect([flows.rejected('f'.repeat(64)), flows.rejected(hash)]).toEqual([false, true]);
    const other = await flows.token('orders-token');
    expect(other.accessToken.reveal()).not.toBe(first.accessToken.reveal());
  });

  it('runs what only reads', async () => {
    const output = await flows.run('break-glass');
    const shown = output.kind === 'mapping' ? output.entries.map(([name, { as }]) => [name, as]) : [];
    expect(shown).toContainEqual(['password', 'secret']);
    expect(shown).toContainEqual(['one-time-code', 'one-time-code']);
  });

  it('writes nothing', async () => {
    expect(await codeOf(flows.run('seed-runtime'))).toBe('refused');
    expect(stack.secretsManager.dump()).toEqual([]);
  });

  it.each([
    ['a flow that is not there', () => flows.token('orders-tokn'), 'usage'],
    ['an output that is no token', () => flows.token('break-glass'), 'usage'],
    ['an input that is not there', () => flows.run('orders-token', { nothing: 1 }), 'usage'],
  ])('%s is told of', async (_, work, code) => {
    expect(await codeOf(work())).toBe(code);
  });
});

it('a folder with a problem is not opened, and its place is told', async () => {
  home.write('wrong/a.yaml', 'description: x\nsteps: [{ id: a, uses: vault/raed }]\n');
  home.write('wrong/service.yaml', 'environments: { development: {} }\n');
  const failure: unknown = await openFlows({ dir: join(home.work, 'wrong') }).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'invalid', place: { location: expect.stringMatching(/a\.yaml:2:\d+$/) } });
});

it('a folder that is opened again has the token that the first took out of the environment', async () => {
  const { vault, issuer } = stack.addresses;
  const connect = `{ type: onepassword-connect, url: '${vault.address}', token: { env: OWN_VAULT } }`;
  home.write('own/orders-token.yaml', readFileSync(join(dir, 'orders-token.yaml'), 'utf8'));
  home.write(
    'own/service.yaml',
    `environments:\n  own:\n    development: true\n    vault: ${connect}\n    issuers: { main: { url: '${issuer}' } }\n`,
  );
  process.env['OWN_VAULT'] = stack.vault.connectToken().reveal();
  for (const _ of ['first', 'again']) {
    const own = await openFlows({ dir: join(home.work, 'own'), environment: 'own' });
    expect(await own.token('orders-token')).toMatchObject({ tokenType: 'Bearer' });
    await own.close();
    expect(process.env['OWN_VAULT']).toBeUndefined();
  }
});

it('what is not opened yet contacts nobody', async () => {
  const before = stack.vault.requests();
  const other = await openFlows({ dir, environment: 'development' });
  await other.close();
  expect(stack.vault.requests()).toBe(before);
});
