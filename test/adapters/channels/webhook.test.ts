import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { Webhook } from 'standardwebhooks';
import { createNotice } from '../../../src/adapters/channels/notice.ts';
import { createWebhook } from '../../../src/adapters/channels/webhook/webhook.ts';
import { Reference } from '../../../src/foundation/reference.ts';
import { channelContract } from '../../contracts/channel.ts';
import { at, facts } from '../../contracts/channel-facts.ts';
import { python } from '../../programs.ts';
import { servicesOf } from './arrange.ts';
import { startReceiver } from './receiver.ts';

const newSecret = () => `whsec_${randomBytes(32).toString('base64')}`;
const [current, old] = [newSecret(), newSecret()];
const values = { 'op://A/new/password': current, 'op://A/old/password': old };
const references = ['new', 'old'].map((item) => Reference.of({ vault: 'A', item, field: 'password' }));
const make = (url: string, secret = references) => createWebhook({ ...servicesOf(values), url, secret });

channelContract(
  'a webhook',
  (url) => ({ channel: make(`${url}/hook?key=abcdef`), secrets: [current, old, 'abcdef'] }),
  ({ method }) => ({
    status: method === 'POST' ? 204 : 405,
  }),
);

async function receiving() {
  const receiver = await startReceiver();
  onTestFinished(receiver.close);
  return receiver;
}

test('a post verifies with the library of Standard Webhooks, under the new secret and the old, and under no other', async () => {
  const { url, posts } = await receiving();
  const now = Date.now();
  const channel = createWebhook({ ...servicesOf(values), now: () => now, url, secret: references });
  const notice = createNotice(facts, now);
  await channel.send(notice);
  await channel.send(notice);
  const [first, again] = posts();
  const headersOf = (post: typeof first) =>
    Object.fromEntries(
      ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => [name, String(post?.headers[name])]),
    );
  expect(headersOf(again)['webhook-id']).toBe(headersOf(first)['webhook-id']);
  for (const secret of [current, old]) {
    expect(new Webhook(secret).verify(first?.body ?? '', headersOf(first))).toEqual({
      type: 'approval.opened',
      timestamp: new Date(now).toISOString().replace(/\.\d+Z/, 'Z'),
      data: {
        environment: 'production',
        agent: 'codex',
        names: ['stripe.live_key'],
        approval: 'a-1',
        'agent-run': 'r-7',
        expires: '2025-11-29T16:10:00Z',
        url: 'https://flows.example/#/approvals/a-1',
        claimed: { reason: 'refund order 7' },
      },
    });
  }
  expect(() => new Webhook(newSecret()).verify(first?.body ?? '', headersOf(first))).toThrow('No matching signature');
  const other = first?.body.replace('codex', 'kodex') ?? '';
  expect(() => new Webhook(current).verify(other, headersOf(first))).toThrow('No matching signature');
});

test.each([
  ['no prefix', randomBytes(32).toString('base64')],
  ['too few bytes', `whsec_${randomBytes(23).toString('base64')}`],
  ['too many', `whsec_${randomBytes(65).toString('base64')}`],
  ['a line end', `${newSecret()}\n`],
  ['something else', 'whsec_not base64'],
])('a secret with %s signs nothing, and is not repeated', async (_, secret) => {
  const { url, received } = await receiving();
  const [reference] = references;
  if (reference === undefined) throw new Error('no reference');
  const channel = createWebhook({ ...servicesOf({ [reference.toString()]: secret }), url, secret: [reference] });
  const error: unknown = await channel.send(createNotice(facts, 0)).catch((cause: unknown) => cause);
  expect(error).toMatchObject({ code: 'invalid-value', place: { subject: 'op://A/new/password' } });
  expect(String(error)).not.toContain(secret);
  await expect(channel.probe()).rejects.toMatchObject({ code: 'invalid-value' });
  expect(received).toEqual([]);
});

test.runIf(python)('the Python of the page verifies a post too, and no other', async () => {
  const { url, posts } = await receiving();
  const channel = createWebhook({ ...servicesOf(values), now: Date.now, url, secret: references });
  await channel.send(createNotice(facts, at));
  const [post] = posts();
  const [, page = ''] = readFileSync('infra/README.md', 'utf8').split('## Telling people');
  const [, script = ''] = /```python\n([\s\S]*?)```/.exec(page) ?? [];
  const check = (secret: string, body = post?.body ?? '', headers: object = post?.headers ?? {}) => {
    const use = `\nimport json, sys\nsecret, headers, body = json.load(sys.stdin)\nverify(secret, headers, body.encode())`;
    const input = JSON.stringify([secret, headers, body]);
    const { status, stderr } = spawnSync('python3', ['-c', script + use], { input, encoding: 'utf8' });
    return status === 0 ? 'verified' : (stderr.trim().split('\n').at(-1) ?? '');
  };
  expect([current, old].map((secret) => check(secret))).toEqual(['verified', 'verified']);
  expect(check(newSecret())).toBe('ValueError: not signed by us');
  expect(check(current, post?.body.replace('codex', 'kodex'))).toBe('ValueError: not signed by us');
  const late = { ...post?.headers, 'webhook-timestamp': '1764432000' };
  expect(check(current, undefined, late)).toBe('ValueError: too old, or from the future');
});
