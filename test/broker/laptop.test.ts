import { openFolder } from '../../src/app/open-folder.ts';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type App, openApp } from '../../src/app/open-app.ts';
import type { AuditTrail } from '../../src/audit/contract.ts';
import { openTrail } from '../../src/audit/trail.ts';
import { verifyTrail } from '../../src/audit/verify-trail.ts';
import { createBroker, type RunningBroker } from '../../src/broker/broker.ts';
import type { RunningStack } from '../../src/laptop/start-stack.ts';
import { takeEnvironment } from '../../src/foundation/environment-variables.ts';
import { watchPolicy, type WatchedRules } from '../../src/broker/policy/rules-in-force.ts';
import type { Reference } from '../../src/foundation/reference.ts';
import { createHome, type Home } from '../e2e/home.ts';
import { codex, refusalOf, sha256 } from './arrange.ts';

const names = Array.from({ length: 10 }, (_, index) => `team.key_${index}`);
const registry = `secrets:
  openai.api_key: { reference: op://Agents/OpenAI/credential, ttl: 30m }
  stripe.live_key: { reference: op://Agents/Stripe/live key }
  cold.key: { reference: op://Agents/Cold/credential }
  orders.token: { flow: orders-token }
${names.map((name, index) => `  ${name}: { reference: op://Agents/Team/key ${index} }\n`).join('')}`;
const policy = `agents:
  codex:
    allow: [openai.api_key, cold.key, orders.token, team.*]
    flows: [orders-token]
`;

describe('the broker on the laptop stack', () => {
  let home: Home;
  let stack: RunningStack;
  let app: App;
  let rules: WatchedRules;
  let trail: AuditTrail;
  let broker: RunningBroker;
  const reads: (readonly string[])[] = [];
  const key = async (): Promise<Uint8Array> => (await (await app.connections()).derivedKeys('audit'))[0];
  const trailFile = () => join(home.path, 'audit.jsonl');

  beforeAll(async () => {
    home = createHome();
    home.write('flows/policy.yaml', policy);
    home.write('flows/registry.yaml', registry);
    stack = await home.stack();
    const dir = join(home.work, 'flows');
    app = await openApp({ dir, environment: 'development', taken: takeEnvironment({}) });
    const { vault } = await app.connections();
    const { read } = vault;
    Object.assign(vault, {
      read: async (references: readonly Reference[]) => {
        reads.push(references.map(String));
        return read(references);
      },
    });
    rules = watchPolicy(app.folder, { dir, load: () => openFolder(dir, {}), hold: 0 });
    trail = await openTrail({ file: trailFile(), key, anchor: undefined });
    broker = createBroker({ app, rules, trail });
  });

  afterAll(async () => {
    await broker?.close();
    rules?.close();
    await trail?.close();
    await app?.close();
    await home?.close();
  });

  it('reads ten names in one call of the vault', async () => {
    const before = reads.length;
    const { resolved, cached } = await broker.secrets(codex, names);
    expect([Object.keys(resolved), cached]).toEqual([names, false]);
    expect(new Set(Object.values(resolved).map(({ value }) => value)).size).toBe(10);
    expect(reads.slice(before).map((batch) => batch.length)).toEqual([10]);
  });

  it('reads a cold name once for a thousand callers', async () => {
    const before = reads.length;
    const all = await Promise.all(Array.from({ length: 1_000 }, () => broker.secrets(codex, ['cold.key'])));
    expect(new Set(all.map(({ resolved }) => resolved['cold.key']?.value)).size).toBe(1);
    expect(reads.slice(before)).toEqual([['op://Agents/Cold/credential']]);
  });

  it('asks for a cold token once for a thousand callers, and gives it to the next ones from memory', async () => {
    const before = { reads: reads.length, tokens: stack.identityProvider.requests().token };
    const all = await Promise.all(Array.from({ length: 1_000 }, () => broker.token(codex, 'orders-token', {})));
    expect(new Set(all.map((token) => token.access_token)).size).toBe(1);
    expect(reads).toHaveLength(before.reads + 1);
    expect(stack.identityProvider.requests().token).toBe(before.tokens + 1);
    const found = broker.cachedToken(codex, 'orders-token');
    await found?.recorded;
    expect(found?.token.access_token).toBe(all[0]?.access_token);
    const api = await fetch(`${stack.ordersApi.url}/orders`, {
      headers: { authorization: `Bearer ${found?.token.access_token}` },
    });
    expect(api.status).toBe(200);
  });

  it('mints once more for all who report a token that an API refused', async () => {
    const before = stack.identityProvider.requests().token;
    const { access_token: token } = await broker.token(codex, 'orders-token', {});
    const reports = await Promise.all(
      Array.from({ length: 50 }, () => broker.rejected(codex, 'orders-token', sha256(token))),
    );
    expect(reports.filter(({ evicted }) => evicted)).toHaveLength(1);
    const next = await Promise.all(Array.from({ length: 50 }, () => broker.token(codex, 'orders-token', {})));
    expect(new Set(next.map((each) => each.access_token)).size).toBe(1);
    expect(next[0]?.access_token).not.toBe(token);
    expect(stack.identityProvider.requests().token).toBe(before + 1);
  });

  it('ends a right with the file that gave it, and keeps the old rules where the new file is broken', async () => {
    await broker.secrets(codex, ['openai.api_key']);
    home.write('flows/policy.yaml', policy.replace('openai.api_key, ', ''));
    await rules.reload();
    expect((await refusalOf(broker.secrets(codex, ['openai.api_key']))).code).toBe('not-allowed');
    home.write('flows/policy.yaml', `${policy}\n  broken`);
    await rules.reload();
    expect(rules.problems()).not.toEqual([]);
    expect((await refusalOf(broker.secrets(codex, ['openai.api_key']))).code).toBe('not-allowed');
    home.write('flows/policy.yaml', policy);
    await rules.reload();
    expect((await broker.secrets(codex, ['openai.api_key'])).cached).toBe(true);
  });

  it('serves what is within its lease when the vault is gone, and says no more than a code', async () => {
    home.write('flows/policy.yaml', policy.replace('team.*', 'team.*, stripe.live_key'));
    await rules.reload();
    await broker.secrets(codex, ['cold.key', 'orders.token']);
    stack.vault.revoke(stack.addresses.vault.token);
    stack.vault.expireSessions();
    expect((await broker.secrets(codex, ['cold.key', 'orders.token', ...names])).cached).toBe(true);
    const refusal = await refusalOf(broker.secrets(codex, ['cold.key', 'stripe.live_key']));
    expect(refusal.toJSON()).toMatchObject({ code: 'upstream-refused', names: ['stripe.live_key'] });
    expect(refusal.cause?.code).toBe('denied');
  });

  it('leaves a trail that verifies, with every answer and no value in it', async () => {
    const values = Object.values((await broker.secrets(codex, ['cold.key', 'orders.token', ...names])).resolved);
    const { access_token: token } = await broker.token(codex, 'orders-token', {});
    const found = await verifyTrail([trailFile()], [await key()]);
    expect(found).toMatchObject({ problems: [], torn: undefined });
    expect(found.lines).toBeGreaterThan(2_100);
    const text = readFileSync(trailFile(), 'utf8');
    for (const value of [...values.map((each) => each.value), token, sha256(token), 'op://'])
      expect(text.includes(value)).toBe(false);
    const outcomes = text
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { outcome: string }).outcome);
    expect(outcomes.filter((outcome) => outcome === 'denied')).toHaveLength(2);
    expect(outcomes.filter((outcome) => outcome === 'failed')).toHaveLength(1);
    expect((await broker.stats()).refusals).toEqual({ 'not-allowed': 2, 'upstream-refused': 1 });
  });
});
