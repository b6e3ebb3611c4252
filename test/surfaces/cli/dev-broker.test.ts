import { openFolder } from '../../../src/app/open-folder.ts';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DevBroker, startDevBroker } from '../../../src/surfaces/cli/dev/laptop-broker.ts';
import { approvedRun } from '../../../src/surfaces/cli/dev/tour-runs.ts';
import { invitation } from '../../../src/surfaces/cli/dev/commands-to-try.ts';
import { processTerminal } from '../../../src/surfaces/cli/terminal.ts';
import type { RunningStack } from '../../../src/laptop/start-stack.ts';
import { takeEnvironment } from '../../../src/foundation/environment-variables.ts';
import { type Folder } from '../../../src/folder/load-folder.ts';
import { createHome, repository } from '../../e2e/home.ts';

const home = createHome(true, 'onepassword-connect');
let stack: RunningStack;
let folder: Folder;
let broker: DevBroker;

async function started(): Promise<DevBroker> {
  const taken = takeEnvironment({});
  const made = await startDevBroker({ folder, taken, terminal: processTerminal(false), usualPort: false });
  if (made === undefined) throw new Error('policy.yaml has no agent');
  return made;
}

beforeAll(async () => {
  stack = await home.stack();
  folder = await openFolder(join(home.work, 'flows'), {});
  broker = await started();
});
afterAll(async () => {
  await broker.close();
  await home.close();
});

test('the commands that npm start prints at its end use the broker, and work as they stand', async () => {
  const [, text = ''] = invitation('flows', folder, stack, broker).split('through the broker:\n');
  expect(text).toContain(`The page for people is ${broker.page}; a link to it is given by `);
  const lines = text.split('\n').flatMap((line) => (line.startsWith('  ') ? [line.trim()] : []));
  const flows = `'${process.execPath}' --no-warnings '${join(repository, 'src/cli.ts')}'`;
  const [exported = '', ...commands] = lines.map((line) => line.replace(/^npx --no-install flows|^npx flows/, flows));
  const run = async (command = '') => {
    const { code, stdout, stderr } = await home.start([], { program: ['sh', '-c', `${exported}\n${command}`] }).ended;
    return { code, stdout, stderr };
  };
  const [token, read, denied, curl, audit] = await Promise.all(commands.slice(0, 4).map(run)).then(async (first) => [
    ...first,
    // after what it tells of
    await run(commands[4]),
  ]);
  expect(commands).toHaveLength(5);
  expect(token).toMatchObject({ code: 0, stderr: `orders-token: broker ${broker.url}\n` });
  expect(token?.stdout).toMatch(/^ey[\w-]+\.[\w-]+\.[\w-]+\n$/);
  expect(read?.code).toBe(0);
  expect(denied).toMatchObject({ code: 77, stdout: '' });
  expect(JSON.parse(curl?.stdout ?? '')).toMatchObject({
    resolved: { 'openai.api_key': { value: read?.stdout.trimEnd() } },
  });
  expect(audit?.stdout).toMatch(/codex +flow\.run +allowed +orders-token/);
  expect(audit?.stdout).toMatch(/codex +secrets\.resolve +denied +stripe\.live_key/);
  expect((await broker.verified()).found).toBe(0);
});

test('the list of agents says what proves the laptop’s agent, as long as it does', async () => {
  const listed = async () => (await home.flows(['agents'])).stdout;
  expect(await listed()).toBe(`codex  token of the laptop's broker, in ${broker.tokenFile}, until that ends\n`);
  expect(JSON.parse((await home.flows(['agents', '--json'])).stdout)).toEqual([
    { name: 'codex', tokens: [], trust: [], laptop: broker.tokenFile },
  ]);
  await broker.close();
  expect(await listed()).toContain('nothing proves it');
  broker = await started();
});

test('its agent’s token is for this user alone, ends with it, and stands in no file of the flows', async () => {
  const { tokenFile } = broker;
  expect(statSync(tokenFile).mode & 0o777).toBe(0o600);
  await broker.close();
  expect(existsSync(tokenFile)).toBe(false);
  const env = { FLOWS_AGENT_TOKEN_FILE: tokenFile };
  expect((await home.flows(['orders-token'], { env })).code).toBe(69);
  broker = await started();
  expect((await home.flows(['orders-token'], { env })).code).toBe(0);
});

test('its approver says yes to a run with a software key, and the trail and its check say so', async () => {
  const told: string[] = [];
  await approvedRun(broker, async (name, what) => void told.push(`${name}: ${await what()}`));
  expect(told).toEqual([
    expect.stringMatching(/^codex: seed-runtime: waits for approval a-[0-9a-f]{18}$/),
    'ann: yes: signed by a software key made at this start: no person',
    'codex: seed-runtime, approved: the run succeeded',
  ]);
  expect((await home.flows(['audit'])).stdout).toMatch(/approval\.approved +allowed +seed-runtime +software key/);
  const { code, stdout } = await home.flows(['audit', 'verify', '--approvals']);
  expect([code, stdout]).toEqual([
    0,
    'approvals: ok: 0 signed by a passkey of policy.yaml, 1 by a software key of the laptop, which proves nobody\n',
  ]);
  expect(readFileSync(join(home.work, 'flows/policy.yaml'), 'utf8')).toContain('ann: {}');
});
