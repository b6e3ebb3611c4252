import { createHmac } from 'node:crypto';
import { FlowError } from '../../../foundation/errors.ts';
import { createHttp } from '../../../foundation/http.ts';
import type { Reference } from '../../../foundation/reference.ts';
import type { Secret } from '../../../foundation/secret.ts';
import type { ChannelServices } from '../adapter.ts';
import type { Channel, Notice } from '../contract.ts';
import { timeText } from '../notice.ts';
import { requireTaken } from '../require-taken.ts';

export interface WebhookOptions extends Pick<ChannelServices, 'name' | 'development' | 'now' | 'way' | 'read'> {
  readonly url: string;
  /** new first */
  readonly secret: readonly Reference[];
}

/** Posts that are signed as Standard Webhooks 1.0 says, symmetrically (`v1`), under each of the secrets. */
export function createWebhook({ name, url, secret, read, now, way, development }: WebhookOptions): Channel {
  const peer = `channel "${name}"`;
  const call = createHttp({ peer, development, fetch: way.fetch });
  const keys = () => Promise.all(secret.map(async (each) => keyOf(await read(each), each, peer)));

  return {
    async send(notice, signal) {
      const body = JSON.stringify(payloadOf(notice));
      const seconds = String(Math.floor(now() / 1_000));
      const signed = `${notice.id}.${seconds}.${body}`;
      const signatures = (await keys()).map((key) => `v1,${createHmac('sha256', key).update(signed).digest('base64')}`);
      const headers = {
        'content-type': 'application/json',
        'webhook-id': notice.id,
        'webhook-timestamp': seconds,
        'webhook-signature': signatures.join(' '),
      };
      const request = { method: 'POST', headers, body, signal: signal ?? null, repeatable: true };
      requireTaken(await call(url, request), peer, now);
    },
    async probe() {
      await keys();
      const { status } = await call(url, { method: 'OPTIONS' });
      return `answers ${status} to OPTIONS; nothing was posted`;
    },
  };
}

/** Thin: ids, names and a link. Whoever wants to know more asks the broker, as somebody who may. */
function payloadOf(notice: Notice) {
  const { type, at, environment, agent, names, more, approval, run, agentRun, expires, url, claimed } = notice;
  return {
    type,
    timestamp: timeText(at),
    data: {
      environment,
      agent,
      names,
      ...(more === 0 ? {} : { more }),
      approval,
      run,
      'agent-run': agentRun,
      expires: expires === undefined ? undefined : timeText(expires),
      url,
      claimed,
    },
  };
}

function keyOf(secret: Secret, reference: Reference, peer: string): Uint8Array {
  const [, base64 = ''] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret.reveal()) ?? [];
  const key = Buffer.from(base64, 'base64');
  if (key.length >= 24 && key.length <= 64) return key;
  throw new FlowError('invalid-value', `the secret of ${peer} is not whsec_ and 24 to 64 bytes in base64`, {
    hint: 'make one: echo "whsec_$(openssl rand -base64 32)"',
    place: { subject: reference.toString() },
  });
}
