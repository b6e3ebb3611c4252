import { form, required, type Keys } from '../../../language/forms.ts';
import { channelAdapter } from '../adapter.ts';

const keys = {
  webhook: required(
    form.reference(),
    'the address of the incoming webhook: whoever has it can post, so it stands in a vault',
    { example: 'op://Agents/Slack webhook/url' },
  ),
} satisfies Keys;

/** Messages in a channel of Slack, by an incoming webhook. */
export const slack = channelAdapter<typeof keys>({
  type: 'slack',
  keys,
  plain: ['type'],
  // it is known once the vault was asked, and held to the same rule then
  addresses: () => [],
  place: () => 'an incoming webhook of Slack',
  setup: (name, { webhook }) =>
    `# channel ${name}: at https://api.slack.com/apps an app with an incoming webhook for one channel and no other scope;\n` +
    `# its address into ${webhook.toString()}\n`,
  async load() {
    const { createSlack } = await import('./slack.ts');
    return { create: (settings, services) => createSlack({ ...settings, ...services }) };
  },
});
