import { FlowError } from '../../../foundation/errors.ts';
import { createHttp } from '../../../foundation/http.ts';
import type { Reference } from '../../../foundation/reference.ts';
import type { ChannelServices } from '../adapter.ts';
import type { Channel, NoticeType } from '../contract.ts';
import { factLines, headline } from '../notice.ts';
import { requireTaken } from '../require-taken.ts';

export interface NtfyOptions extends Pick<ChannelServices, 'name' | 'development' | 'now' | 'way' | 'read'> {
  readonly url: string;
  readonly topic: Reference;
  readonly token?: Reference | undefined;
}

/** bytes: the server makes an attachment of what is longer */
const longestMessage = 4_096;
/** 3 is what is usual, 5 the highest */
const priorities: Readonly<Record<NoticeType, number>> = {
  'approval.opened': 4,
  'approval.self-approved': 4,
  'approver.keys-changed': 5,
  'break-glass.run': 5,
  'break-glass.drill': 3,
};

/**
 * Plain text and a link. No buttons: one that asked the broker for something would give its credential to everyone who
 * subscribes.
 */
export function createNtfy({ name, url, topic, token, read, now, way, development }: NtfyOptions): Channel {
  const peer = `channel "${name}"`;
  const call = createHttp({ peer, development, fetch: way.fetch });

  async function authorization(): Promise<Readonly<Record<string, string>>> {
    return token === undefined ? {} : { authorization: `Bearer ${(await read(token)).reveal()}` };
  }

  async function topicName(): Promise<string> {
    const found = (await read(topic)).reveal();
    if (/^[-_A-Za-z0-9]{1,64}$/.test(found)) return found;
    throw new FlowError('invalid-value', `the topic of ${peer} is not up to 64 letters, digits, - and _`, {
      place: { subject: topic.toString() },
    });
  }

  return {
    async send(notice, signal) {
      const [to, headers] = await Promise.all([topicName(), authorization()]);
      const message = Buffer.from(factLines(notice).join('\n')).subarray(0, longestMessage).toString();
      const body = JSON.stringify({
        topic: to,
        title: headline(notice),
        // what was cut may end in half a character
        message: message.replace(/\uFFFD+$/, ''),
        priority: priorities[notice.type],
        click: notice.url,
      });
      const request = {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body,
        signal: signal ?? null,
        repeatable: true,
      };
      requireTaken(await call(url, request), peer, now);
    },
    async probe() {
      await Promise.all([topicName(), authorization()]);
      requireTaken(await call(`${url.replace(/\/+$/, '')}/v1/health`), peer, now);
      return 'answers; nothing was published, so whether the topic may be written is not known';
    },
  };
}
