import { FlowError } from '../../../foundation/errors.ts';
import { type Call, createHttp } from '../../../foundation/http.ts';
import type { Reference } from '../../../foundation/reference.ts';
import { requireSafeAddress, safeAddressHint } from '../../../foundation/safe-address.ts';
import type { ChannelServices } from '../adapter.ts';
import type { Channel, Notice } from '../contract.ts';
import { clipped, factLines, headline } from '../notice.ts';
import { requireTaken } from '../require-taken.ts';

export interface SlackOptions extends Pick<ChannelServices, 'name' | 'development' | 'now' | 'way' | 'read'> {
  readonly webhook: Reference;
}

/** characters of a block; one that is longer loses the whole message */
const longestHeader = 150;
const longestSection = 3_000;

/** Text and a link. No buttons: whoever clicks in Slack has proven nothing to the broker. */
export function createSlack({ name, webhook, read, now, way, development }: SlackOptions): Channel {
  const peer = `channel "${name}"`;
  const call = createHttp({ peer, development, fetch: way.fetch });

  async function address(): Promise<string> {
    const url = (await read(webhook)).reveal();
    const problem = requireSafeAddress(url, development);
    if (problem === undefined) return url;
    throw new FlowError('invalid-value', `the address of ${peer} ${problem}`, {
      hint: safeAddressHint,
      place: { subject: webhook.toString() },
    });
  }

  async function post(message: unknown, signal?: AbortSignal): ReturnType<Call> {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify(message);
    return call(await address(), { method: 'POST', headers, body, signal: signal ?? null, repeatable: true });
  }

  return {
    async send(notice, signal) {
      requireTaken(await post(messageOf(notice), signal), peer, now);
    },
    async probe() {
      // a message without text is refused by a webhook that is in force; one that is not says something else
      const response = await post({});
      if (response.status !== 400) requireTaken(response, peer, now);
      return 'takes messages; an empty one was posted, which it shows nobody';
    },
  };
}

/**
 * A message of plain text, but for the link, which is our own: what an agent wrote is never where Slack looks for its
 * markup, and is escaped besides.
 */
export function messageOf(notice: Notice) {
  const { url } = notice;
  const title = headline(notice);
  const link = url?.replace(/[<>|]/g, encodeURIComponent).replaceAll('&', '&amp;');
  return {
    // for notifications, and for those who read by ear
    text: bounded(title, longestHeader),
    unfurl_links: false,
    unfurl_media: false,
    blocks: [
      { type: 'header', text: plain(title, longestHeader) },
      { type: 'section', text: plain(factLines(notice).join('\n'), longestSection) },
      ...(link === undefined
        ? []
        : [{ type: 'section', text: { type: 'mrkdwn', text: `<${link}|Look at it>`, verbatim: true } }]),
    ],
  };
}

function plain(text: string, most: number) {
  return { type: 'plain_text', text: bounded(text, most), emoji: false };
}

/** Escaped as Slack wants it, and not longer than it takes. */
function bounded(text: string, most: number): string {
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  // half of an entity would be shown
  return escaped.length <= most
    ? escaped
    : `${clipped(escaped, most)
        .slice(0, -1)
        .replace(/&[a-z]*$/, '')}…`;
}
