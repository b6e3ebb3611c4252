import { required, type Keys } from '../../../language/forms.ts';
import { rootKeyForm } from '../../../language/root-key.ts';
import { urlForm } from '../../../language/url.ts';
import { channelAdapter } from '../adapter.ts';

const keys = {
  url: required(urlForm, 'where notices are posted'),
  secret: required(
    rootKeyForm,
    'what signs them: `whsec_` and 24 to 64 bytes in base64; one reference, or two, new and old, while it is replaced',
    { example: 'op://Agents/ops webhook/password' },
  ),
} satisfies Keys;

/** Signed posts, as Standard Webhooks 1.0 has them. */
export const webhook = channelAdapter<typeof keys>({
  type: 'webhook',
  keys,
  plain: ['type'],
  addresses: ({ url }) => [{ key: 'url', url }],
  setup: (name, { url, secret: [secret] }) =>
    `# channel ${name}: the same secret here and at ${url}, which verifies each post with it\n` +
    `echo "whsec_$(openssl rand -base64 32)"   # into ${String(secret)}\n`,
  samples: ({ secret }) => secret.map((reference) => [reference, sampleSecret]),
  async load() {
    const { createWebhook } = await import('./webhook.ts');
    return { create: (settings, services) => createWebhook({ ...settings, ...services }) };
  },
});

function sampleSecret(): string {
  return `whsec_${Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64')}`;
}
