import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type App, openApp } from '../../src/app/open-app.ts';
import type { Checkpoint } from '../../src/audit/checkpoint-sink.ts';
import { verifyTrail } from '../../src/audit/verify-trail.ts';
import { bearerHash, createBearer } from '../../src/broker/authentication/bearer-token.ts';
import type { Caller } from '../../src/broker/contract.ts';
import { type OpenBroker, type OpenBrokerOptions, openBroker } from '../../src/broker/open-broker.ts';
import type { AuditLine } from '../../src/audit/read-trail.ts';
import { causesOf } from '../../src/broker/cause-notes.ts';
import { explainRequest } from '../../src/broker/policy/explain-request.ts';
import type { UpstreamFailure } from '../../src/broker/upstream-failures.ts';
import { FlowError } from '../../src/foundation/errors.ts';
import { takeEnvironment } from '../../src/foundation/environment-variables.ts';
import { createHome, type Home } from '../e2e/home.ts';
import { refusalOf } from './arrange.ts';

const bearer = createBearer();
const policy = `agents:
  codex: { flows: [orders-token, claims-token], tokens: [{ sha256: ${bearerHash(bearer.reveal())} }] }
`;

const claimsToken = `description: A token that the issuer does not make so
steps:
  - id: token
    uses: oauth/client-credentials
    with:
      issuer: \${{ issuers.main }}
      client-id: op://Agents/Orders M2M/username
      client-secret: op://Agents/Orders M2M/credential
      audience: https://orders.example
      require-claims: { owner: nobody }
output: \${{ steps.token }}
`;

interface Line {
  readonly agent: string;
  readonly action: string;
  readonly outcome: string;
  readonly what: readonly string[];
  readonly detail?: string;
}

describe('a broker without a surface', () => {
  let home: Home;
  let app: App;
  const checkpoints: Checkpoint[] = [];

  const open = (more: Partial<OpenBrokerOptions> = {}): Promise<OpenBroker> =>
    openBroker({
      app,
      anchor: (checkpoint) => void checkpoints.push(checkpoint),
      onProblems: () => undefined,
      warn: () => undefined,
      variables: home.env,
      ...more,
    });

  /** Who sends this bearer, as a surface of its own would ask for it. */
  async function callerOf({ authenticator }: OpenBroker, token: string): Promise<Caller> {
    const proven = await authenticator.authenticate(`Bearer ${token}`);
    if (proven === undefined) throw new TypeError('nobody is proven');
    return { ...proven, request: 'r-1', address: 'stdio' };
  }

  const linesOf = (file: string): readonly Line[] =>
    readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);

  beforeAll(async () => {
    home = createHome();
    home.write('flows/policy.yaml', policy);
    home.write('flows/registry.yaml', 'secrets: {}\n');
    home.write('flows/claims-token.yaml', claimsToken);
    await home.stack();
    app = await openApp({ dir: join(home.work, 'flows'), environment: 'development', taken: takeEnvironment({}) });
  });

  afterAll(async () => {
    await app?.close();
    await home?.close();
  });

  it('proves an agent, grants it a token, and leaves a trail that verifies', async () => {
    const opened = await open();
    expect(opened.ready()).toEqual({ policy: true, trail: true, vault: true });
    const codex = await callerOf(opened, bearer.reveal());
    expect((await opened.broker.token(codex, 'orders-token', {})).token_type).toBe('Bearer');
    expect((await refusalOf(opened.broker.token(codex, 'break-glass', {}))).code).toBe('not-allowed');
    await opened.close();

    const keys = await (await app.connections()).derivedKeys('audit');
    expect(await verifyTrail([opened.trailFile], keys, checkpoints)).toMatchObject({ problems: [], torn: undefined });
    const seen = linesOf(opened.trailFile).map(({ action, outcome, what }) => [action, outcome, ...what].join(' '));
    expect(seen).toEqual([
      'start allowed',
      'token.issue allowed orders-token',
      'token.issue denied break-glass',
      'stop allowed',
    ]);
  });

  it('is one to a trail, gives nothing once it is closed, and can be opened again', async () => {
    const first = await open();
    await expect(open()).rejects.toMatchObject({ code: 'refused' });
    const codex = await callerOf(first, bearer.reveal());
    await Promise.all([first.close(), first.close()]);
    expect(first.ready().trail).toBe(false);
    expect((await refusalOf(first.broker.token(codex, 'orders-token', {}))).code).toBe('audit-unavailable');
    const second = await open();
    expect((await second.broker.flows(codex)).map(({ name }) => name)).toEqual(['claims-token', 'orders-token']);
    await second.close();
  });

  it('tells the operator of a refusal what the command tells, and the agent nothing of it', async () => {
    const told: UpstreamFailure[] = [];
    const opened = await open({ onUpstreamFailure: (failure) => void told.push(failure) });
    const codex = await callerOf(opened, bearer.reveal());
    const refused = await refusalOf(opened.broker.token(codex, 'claims-token', {}));
    await opened.close();
    const command: unknown = await app.run(app.flow('claims-token'), {}).catch((error: unknown) => error);
    const line = command instanceof FlowError ? command.line() : '';
    expect(line).toContain('a claim of the token is not as required: owner');
    expect(told).toMatchObject([{ request: 'r-1', agent: 'codex', what: ['claims-token'], code: 'protocol', line }]);
    expect(refused.toJSON()).toEqual({ code: 'upstream-refused', status: 502, names: ['claims-token'] });
    const event = linesOf(opened.trailFile).findLast(({ action }) => action === 'token.issue') as unknown as AuditLine;
    expect(event).toMatchObject({ detail: 'protocol' });
    const causes = await causesOf(opened.trailFile, 'r-1');
    const { policy: rules, registry } = opened.rules.current();
    const explained = explainRequest(event, { policy: rules, registry, flows: app.folder.flows }, causes);
    expect(explained.causes).toEqual([line]);
    expect(await causesOf(opened.trailFile, 'r-2')).toEqual([]);
  });

  it('knows the token of a guest, and nobody else', async () => {
    const token = createBearer();
    const opened = await open({ guest: { agent: 'codex', token } });
    expect((await callerOf(opened, token.reveal())).agent).toBe('codex');
    expect(await opened.authenticator.authenticate(`Bearer ${createBearer().reveal()}`)).toBeUndefined();
    await opened.close();
  });

  it('writes down that rules changed, and those that are wrong', async () => {
    const told: unknown[] = [];
    const opened = await open({ onProblems: (problems) => void told.push(...problems) });
    home.write('flows/policy.yaml', `${policy}  broken`);
    await opened.rules.reload();
    expect([told.length > 0, opened.ready().policy]).toEqual([true, true]);
    home.write('flows/policy.yaml', `${policy}  other: {}\n`);
    await opened.rules.reload();
    await opened.close();
    home.write('flows/policy.yaml', policy);
    const reloads = linesOf(opened.trailFile).filter(({ action }) => action === 'policy.reload');
    expect(reloads.map(({ outcome }) => outcome)).toEqual(['failed', 'allowed']);
    expect(reloads.at(-1)?.detail).toBe(opened.rules.current().version);
  });

  it('does not open over rules that are wrong, and holds no trail then', async () => {
    home.write('flows/policy.yaml', `${policy}  broken`);
    await expect(open()).rejects.toMatchObject({ code: 'invalid' });
    home.write('flows/policy.yaml', policy);
    await (await open()).close();
  });

  it('warns where policy.yaml is gone, and with it whoever it let in', async () => {
    const warned: string[] = [];
    const opened = await open({ warn: (message) => void warned.push(message) });
    try {
      rmSync(join(home.work, 'flows/policy.yaml'));
      await expect.poll(() => opened.rules.current().policy.agents.size).toBe(0);
      expect(warned).toEqual([expect.stringMatching(/^policy\.yaml names no agent any more/)]);
    } finally {
      home.write('flows/policy.yaml', policy);
      await opened.close();
    }
  });
});
