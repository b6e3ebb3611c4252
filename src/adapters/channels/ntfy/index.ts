import { form, optional, required, type Keys } from '../../../language/forms.ts';
import { urlForm } from '../../../language/url.ts';
import { channelAdapter } from '../adapter.ts';

const keys = {
  url: required(urlForm, 'the server', { example: 'https://ntfy.sh' }),
  topic: required(
    form.reference(),
    'the topic; on a server that anyone may use it is what keeps others out, so it stands in a vault',
    { example: 'op://Agents/ntfy/topic' },
  ),
  token: optional(form.reference(), 'an access token that may write there', { example: 'op://Agents/ntfy/credential' }),
} satisfies Keys;

/** Notifications on phones and desktops, by a server of ntfy. */
export const ntfy = channelAdapter<typeof keys>({
  type: 'ntfy',
  keys,
  plain: ['type'],
  addresses: ({ url }) => [{ key: 'url', url }],
  setup: (name, { url, topic }) =>
    `# channel ${name}: those who are told subscribe to the topic at ${url}; whoever knows it can read along\n` +
    `echo "flows-$(openssl rand -hex 12)"   # into ${topic.toString()}\n`,
  samples: ({ topic }) => [[topic, () => 'flows-laptop']],
  async load() {
    const { createNtfy } = await import('./ntfy.ts');
    return { create: (settings, services) => createNtfy({ ...settings, ...services }) };
  },
});
