import { quoted } from '../../../foundation/shell-words.ts';
import type { VaultSetup } from '../adapter.ts';
import { opItems } from '../onepassword-items/op-commands.ts';

/** How a person makes access tokens and items, with 1Password's command `op`. */
export const connectSetup: VaultSetup<unknown> = {
  accessNote:
    '# access tokens of Connect; SERVER is its name in 1Password, and has these vaults by op connect vault grant',
  access({ number, environment, vaults }) {
    if (vaults.length === 0) return `# vault entry ${number}: no flow uses it\n`;
    // without a suffix a token may do what the server may
    const grants = vaults.map(({ name, writes }) => `  --vault ${quoted(writes ? name : `${name},r`)}`);
    return `op connect token create ${quoted(`flows ${environment} ${number}`)} --server SERVER --expires-in 90d \\\n${grants.join(' \\\n')}\n`;
  },
  ...opItems,
};
