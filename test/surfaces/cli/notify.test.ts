import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { RunningStack } from '../../../src/laptop/start-stack.ts';
import { startReceiver } from '../../adapters/channels/receiver.ts';
import { createHome } from '../../e2e/home.ts';
import { verified, writeChannel } from '../../e2e/notified.ts';

const home = createHome(true, 'onepassword-connect');
let status = 204;
const receiver = await startReceiver(() => ({ status }));
let stack: RunningStack;
beforeAll(async () => {
  writeChannel(home, receiver.url);
  stack = await home.stack();
});
beforeEach(() => {
  status = 204;
  receiver.received.splice(0);
});
afterAll(async () => {
  await home.close();
  await receiver.close();
});

test('a break-glass run at a terminal tells its channels, with the reason, without what it gives', async () => {
  const { code, stdout, stderr } = await home.flows([
    'break-glass',
    '--json',
    '--reason',
    'the database\u001b[2J is down',
  ]);
  expect([code, stderr]).toEqual([0, expect.not.stringContaining('warning')]);
  const [post, ...more] = receiver.posts();
  expect(more).toEqual([]);
  expect(verified(stack, post)).toMatchObject({
    type: 'break-glass.run',
    data: { environment: 'development', agent: expect.stringMatching(/^local:/), names: ['break-glass'] },
  });
  expect(post?.body).toMatch(/the database.{0,8} is down/);
  expect(post?.body).not.toContain('\\u001b');
  const { password } = JSON.parse(stdout) as { password: string };
  expect(JSON.stringify(receiver.received)).not.toContain(password);
});

test('a channel that fails is told of, here and on the trail, and the code is shown all the same', async () => {
  status = 503;
  const { code, stdout, stderr } = await home.flows(['break-glass', '--json']);
  expect([code, JSON.parse(stdout)]).toMatchObject([0, { 'one-time-code': expect.anything() }]);
  expect(stderr).toContain('flow "break-glass" is run, and people were not told: channel "ops" answers 503');
  const audit = await home.flows(['audit', '--json']);
  const lines = audit.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.slice(-2)).toMatchObject([
    {
      action: 'notify.failed',
      what: ['break-glass'],
      outcome: 'failed',
      code: 'unavailable',
      detail: 'break-glass.run by ops',
    },
    { action: 'local.run', outcome: 'allowed' },
  ]);
});

test('check --online looks at a channel, and tells nobody anything', async () => {
  status = 405;
  const { stdout } = await home.flows(['check', '--online']);
  expect(stdout).toMatch(/^ok +notify\.ops: answers 405 to OPTIONS; nothing was posted$/m);
  expect(stdout).toMatch(/^ok +op:\/\/Agents\/ops webhook\/password$/m);
  expect(receiver.posts()).toEqual([]);
});

test('check --setup says what each channel needs', async () => {
  const { code, stdout } = await home.flows(['check', '--setup', '--environment', 'production']);
  expect(code).toBe(0);
  expect(stdout).toContain('echo "whsec_$(openssl rand -base64 32)"   # into op://Agents/ops webhook/password');
  expect(stdout).toContain('# its address into op://Agents/Slack/url');
  expect(stdout).toContain('echo "flows-$(openssl rand -hex 12)"   # into op://Agents/ntfy/topic');
  for (const title of ['ops webhook', 'Slack', 'ntfy']) expect(stdout).toMatch(new RegExp(`op item create .*${title}`));
});

test.each([
  [
    'a channel that is not there',
    'notify: [ops]',
    'notify: [opps]',
    'break-glass.yaml:2:25: unknown channel "opps" in environment "production"',
  ],
  ['nobody', 'notify: [ops]', 'notify: []', 'break-glass.yaml:2:24: '],
  [
    'what is no length of time',
    'notify: [ops]',
    'proven-within: week',
    '"break-glass.proven-within" takes a length of time',
  ],
  ['a close that is not there', 'notify: [ops]', 'close: new-usr', 'unknown flow "new-usr" (did you mean "new-user"?)'],
  ['a close that is itself', 'notify: [ops]', 'close: break-glass', 'a flow does not close itself'],
  ['a close that asks', 'notify: [ops]', 'close: new-user', 'the flow "new-user" takes the input "email"'],
  [
    'something else',
    '{ notify: [ops] }',
    '[ops]',
    '"break-glass" takes true or false, or { notify: [CHANNEL] }, and this is a list',
  ],
])('check refuses a break-glass flow that tells %s', async (_, found, instead, told) => {
  const other = createHome();
  try {
    writeChannel(other, 'http://127.0.0.1:9');
    const { readFileSync } = process.getBuiltinModule('node:fs');
    const text = readFileSync(`${other.work}/flows/break-glass.yaml`, 'utf8');
    other.write('flows/break-glass.yaml', text.replace(found, instead));
    const { code, stdout, stderr } = await other.flows(['check']);
    expect([code, `${stdout}${stderr}`]).toEqual([2, expect.stringContaining(told)]);
  } finally {
    await other.close();
  }
});

test('check refuses a channel in plain http, and one that an approver names and nobody declares', async () => {
  const other = createHome();
  try {
    writeChannel(other, 'http://hooks.example');
    other.write('flows/policy.yaml', 'approvers:\n  ann: { notify: [opps] }\nagents: {}\n');
    const { code, stderr } = await other.flows(['check']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('this address is plain http')]);
    expect(stderr).toContain('policy.yaml:2:19: unknown channel "opps"');
  } finally {
    await other.close();
  }
});
