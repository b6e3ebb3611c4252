import { expect, onTestFinished, test } from 'vitest';
import { createNotice } from '../../../src/adapters/channels/notice.ts';
import { createNtfy } from '../../../src/adapters/channels/ntfy/ntfy.ts';
import { Reference } from '../../../src/foundation/reference.ts';
import { channelContract } from '../../contracts/channel.ts';
import { at, facts } from '../../contracts/channel-facts.ts';
import { servicesOf } from './arrange.ts';
import { startReceiver } from './receiver.ts';

const [topic, token] = [
  Reference.of({ vault: 'A', item: 'ntfy', field: 'topic' }),
  Reference.of({ vault: 'A', item: 'ntfy', field: 'credential' }),
];
const values = { [topic.toString()]: 'flows-b81f', [token.toString()]: 'tk_9f31c0ffee' };
const make = (url: string, given = values) => createNtfy({ ...servicesOf(given), url, topic, token });

channelContract(
  'ntfy',
  (url) => ({ channel: make(url), secrets: Object.values(values) }),
  ({ path }) => ({
    status: 200,
    body: path === '/v1/health' ? '{"healthy":true}' : '{}',
  }),
);

test('a notification has a link and no button, and its topic is in no address', async () => {
  const receiver = await startReceiver(() => ({ status: 200 }));
  onTestFinished(receiver.close);
  await make(receiver.url).send(createNotice(facts, at));
  const [post] = receiver.posts();
  expect(post?.path).toBe('/');
  expect(post?.headers.authorization).toBe('Bearer tk_9f31c0ffee');
  expect(JSON.parse(post?.body ?? '')).toEqual({
    topic: 'flows-b81f',
    title: 'codex waits for an approval',
    message:
      'for: stripe.live_key\nenvironment: production\napproval: a-1\nagent run: r-7\nuntil: 2025-11-29T16:10:00Z\nreason, claimed: refund order 7',
    priority: 4,
    click: 'https://flows.example/#/approvals/a-1',
  });
});

test('a message is not longer than what the server shows, and no character is halved', async () => {
  const receiver = await startReceiver(() => ({ status: 200 }));
  onTestFinished(receiver.close);
  const names = Array.from({ length: 20 }, () => '漢'.repeat(128));
  await make(receiver.url).send(createNotice({ ...facts, names }, at));
  const { message } = JSON.parse(receiver.posts()[0]?.body ?? '') as { message: string };
  expect(Buffer.byteLength(message)).toBeGreaterThan(4_000);
  expect(Buffer.byteLength(message)).toBeLessThanOrEqual(4_096);
  expect(message).not.toContain('\uFFFD');
});

test('a topic that none is, is told and not repeated', async () => {
  const error: unknown = await make('http://127.0.0.1:9', { ...values, [topic.toString()]: '../v1/account' })
    .send(createNotice(facts, at))
    .catch((cause: unknown) => cause);
  expect(error).toMatchObject({ code: 'invalid-value', place: { subject: 'op://A/ntfy/topic' } });
  expect(String(error)).not.toContain('account');
});
