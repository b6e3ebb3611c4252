import * as fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createNotice } from '../../../src/adapters/channels/notice.ts';
import { createSlack, messageOf } from '../../../src/adapters/channels/slack/slack.ts';
import { Reference } from '../../../src/foundation/reference.ts';
import { channelContract, textsIn } from '../../contracts/channel.ts';
import { at, facts, hostile } from '../../contracts/channel-facts.ts';
import { servicesOf } from './arrange.ts';
import { startReceiver } from './receiver.ts';

const webhook = Reference.of({ vault: 'A', item: 'Slack', field: 'url' });
const path = '/services/T0/B0/c4n4ry';
const make = (url: string) => createSlack({ ...servicesOf({ [webhook.toString()]: url }), webhook });

/** As Slack answers a webhook that is in force. */
const healthy = ({ body }: { readonly body: string }) =>
  body === '{}' ? { status: 400, body: 'no_text' } : { status: 200, body: 'ok' };

channelContract('Slack', (url) => ({ channel: make(`${url}${path}`), secrets: [path] }), healthy);

describe('a message in Slack', () => {
  test('is plain text with a link, and has nothing to decide with', async () => {
    const receiver = await startReceiver(healthy);
    onTestFinished(receiver.close);
    await make(`${receiver.url}${path}`).send(createNotice(facts, at));
    const [post] = receiver.posts();
    expect(post?.path).toBe(path);
    const { blocks } = JSON.parse(post?.body ?? '') as { blocks: readonly { type: string }[] };
    expect(blocks.map(({ type }) => type)).toEqual(['header', 'section', 'section']);
    expect(blocks.at(-1)).toEqual({
      type: 'section',
      text: { type: 'mrkdwn', text: '<https://flows.example/#/approvals/a-1|Look at it>', verbatim: true },
    });
  });

  test('calls nobody and links nowhere, whatever an agent writes', () => {
    const message = messageOf(createNotice(hostile, at));
    const said = textsIn(message.blocks.slice(0, 2)).join('\n');
    expect(said).not.toMatch(/[<>]/);
    expect(said).toContain('&lt;!channel&gt;');
    // what stands outside blocks is markup: nothing of the agent's is in it
    expect(message.text).toBe('codex waits for an approval');
  });

  test('is never longer than Slack takes, nor ends in half an entity', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme', maxLength: 200 }), { maxLength: 30 }),
        fc.string(),
        (names, agent) => {
          const awkward = names.map((name) => `${name}<<&&>>`.repeat(9));
          const message = messageOf(createNotice({ ...facts, agent: agent.repeat(40), names: awkward }, at));
          const [header = '', section = ''] = message.blocks.map(({ text }) => text.text);
          expect(header.length).toBeLessThanOrEqual(150);
          expect(section.length).toBeLessThanOrEqual(3_000);
          for (const text of [header, section]) expect(text).not.toMatch(/&(?!amp;|lt;|gt;)|[<>]/);
        },
      ),
    );
  });
});

test.each([['http://hooks.slack.com/services/T0/B0/c4n4ry'], ['c4n4ry'], ['https://user:c4n4ry@hooks.slack.com/']])(
  'an address that is not safe is not used, and not repeated: %s',
  async (address) => {
    const error: unknown = await make(address)
      .send(createNotice(facts, at))
      .catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: 'invalid-value', place: { subject: 'op://A/Slack/url' } });
    expect(String(error)).not.toContain('c4n4ry');
  },
);

test('a webhook that was revoked is told by the look at it', async () => {
  const receiver = await startReceiver(() => ({ status: 404, body: 'no_service' }));
  onTestFinished(receiver.close);
  await expect(make(`${receiver.url}${path}`).probe()).rejects.toMatchObject({ code: 'not-found' });
});
