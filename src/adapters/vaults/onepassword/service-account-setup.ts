import { quoted } from '../../../foundation/shell-words.ts';
import type { VaultSetup } from '../adapter.ts';
import { opItems } from '../onepassword-items/op-commands.ts';

/** How a person makes service accounts and items, with 1Password's command `op`. */
export const serviceAccountSetup: VaultSetup<{ readonly account: string | undefined }> = {
  accessNote: '# service accounts; vaults and rights cannot be changed afterwards',
  access({ number, environment, settings: { account }, vaults }) {
    const names = vaults.map(({ name }) => name);
    if (account !== undefined)
      return `# the desktop app, account ${account}: its user needs ${names.join(', ') || 'no vault'}\n`;
    if (vaults.length === 0) return `# vault entry ${number}: no flow uses it\n`;
    const grants = vaults.map(
      ({ name, writes }) => `  --vault ${quoted(`${name}:${writes ? 'read_items,write_items' : 'read_items'}`)}`,
    );
    return `op service-account create ${quoted(`flows ${environment} ${number}`)} --expires-in 90d \\\n${grants.join(' \\\n')}\n`;
  },
  ...opItems,
};
