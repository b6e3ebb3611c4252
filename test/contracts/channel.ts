import { describe, expect, onTestFinished, test } from 'vitest';
import type { Channel } from '../../src/adapters/channels/contract.ts';
import { createNotice } from '../../src/adapters/channels/notice.ts';
import { at, facts, hostile } from './channel-facts.ts';
import { type Answer, type Received, startReceiver } from '../adapters/channels/receiver.ts';

export interface ChannelUnderTest {
  readonly channel: Channel;
  /** what no error and no printed object may hold */
  readonly secrets: readonly string[];
}

/**
 * What every {@link Channel} does, whatever is behind it.
 * @param make a channel whose service is at this address
 * @param healthy how the service answers when all is well
 */
export function channelContract(
  title: string,
  make: (url: string) => ChannelUnderTest,
  healthy: (received: Received) => Answer,
): void {
  async function arrange(answer: (received: Received) => Answer | undefined) {
    const receiver = await startReceiver(answer);
    onTestFinished(receiver.close);
    return { receiver, ...make(receiver.url) };
  }
  const notice = createNotice(facts, at);

  // oxlint-disable-next-line vitest/valid-title -- named by whoever runs the suite
  describe(title, () => {
    test('tells names, the link and the time, in one post', async () => {
      const { channel, receiver } = await arrange(healthy);
      await channel.send(notice);
      const [post, ...more] = receiver.posts();
      expect(more).toEqual([]);
      for (const part of [
        'codex',
        'stripe.live_key',
        'production',
        'https://flows.example/#/approvals/a-1',
        '2025-11-29T16:10:00Z',
      ])
        expect(post?.body).toContain(part);
    });

    test('is looked at without telling anybody anything', async () => {
      const { channel, receiver } = await arrange(healthy);
      expect(await channel.probe()).toMatch(/./);
      for (const { body } of receiver.received) expect(['', '{}']).toContain(body);
    });

    test.each([
      [401, 'denied'],
      [403, 'denied'],
      [404, 'not-found'],
      [410, 'not-found'],
      [422, 'protocol'],
      [429, 'rate-limited'],
      [500, 'unavailable'],
      [503, 'unavailable'],
    ])('an answer of %i is told as %s, without what it says', async (status, code) => {
      const { channel, secrets } = await arrange((received) => ({
        status,
        headers: { 'retry-after': '7' },
        body: JSON.stringify(received),
      }));
      const error: unknown = await channel.send(notice).catch((cause: unknown) => cause);
      expect(error).toMatchObject({ code, retryAfter: 7 });
      const words = `${(error as Error).message} ${JSON.stringify(error)}`;
      for (const each of [...secrets, 'stripe.live_key']) expect(words).not.toContain(each);
    });

    test('a redirect is not followed', async () => {
      const other = await startReceiver();
      onTestFinished(other.close);
      const { channel } = await arrange(() => ({ status: 307, headers: { location: other.url } }));
      await expect(channel.send(notice)).rejects.toMatchObject({ code: 'refused' });
      expect(other.received).toEqual([]);
    });

    test('one that does not answer is left when the caller ends it', async () => {
      const ending = new AbortController();
      const { channel } = await arrange(() => {
        setImmediate(() => ending.abort());
        return undefined;
      });
      await expect(channel.send(notice, ending.signal)).rejects.toMatchObject({ code: 'aborted' });
    });

    test('one that cannot be reached is told without its address', async () => {
      const receiver = await startReceiver();
      await receiver.close();
      const { channel, secrets } = make(receiver.url);
      const error: unknown = await channel.send(notice).catch((cause: unknown) => cause);
      expect(error).toMatchObject({ code: 'unavailable' });
      for (const each of secrets) expect((error as Error).message).not.toContain(each);
    });

    test('what an agent wrote is bounded, on one line, and turns nothing around', async () => {
      const { channel, receiver } = await arrange(healthy);
      await channel.send(createNotice(hostile, at));
      const [post] = receiver.posts();
      const texts = textsIn(JSON.parse(post?.body ?? ''));
      const said = texts.join('\n');
      // oxlint-disable-next-line no-control-regex -- what is looked for
      expect(said).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u202A-\u202E\u2066-\u2069]/);
      expect(said).not.toContain('https://evil.example');
      expect(said.split('\n').filter((line) => line.includes('evil.example'))).toHaveLength(1);
      expect(said).not.toMatch(/^::/m);
      expect(post?.body.length).toBeLessThan(4_096);
    });

    test('what an agent wrote is no link, neither its reason nor its run', async () => {
      const { channel, receiver } = await arrange(healthy);
      const claimed = { reason: 'see https://evil.example/reason', run: 'https://evil.example/run' };
      await channel.send(createNotice({ ...facts, claimed }, at));
      const [post] = receiver.posts();
      expect(post?.body).toContain('evil.example/reason');
      expect(post?.body).not.toContain('://evil.example');
    });

    test('a hundred thousand names are told as twenty, and how many more', async () => {
      const { channel, receiver } = await arrange(healthy);
      const names = Array.from({ length: 100_000 }, (_, index) => `${'n'.repeat(180)}.${index}`);
      await channel.send(createNotice({ ...facts, names }, at));
      const [post] = receiver.posts();
      expect(post?.body).toContain('99980');
      expect(post?.body.length).toBeLessThan(8_192);
    });
  });
}

/** Every text of a JSON value. */
export function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}
