import type { Mount, VaultApiOptions } from './contract.ts';
import { dataReply, unsupported } from './replies.ts';
import { nameIn } from './vault-paths.ts';

/** Flows that give a one-time code, by their names. Whether a code is right is not told: that would be a way to guess one. */
export function createTotp({ broker, clock }: Pick<VaultApiOptions, 'broker' | 'clock'>): Mount {
  return {
    type: 'totp',
    description: 'flows that give a one-time code',
    async answer(rest, { operation, caller }) {
      const [, name] = /^code\/(.+)$/.exec(rest) ?? [];
      if (operation !== 'read' || name === undefined) throw unsupported();
      const { output } = await broker.run(caller, nameIn(name), {}, 'one-time-code');
      const { code, validFor } = codeIn(output);
      const generated = Math.floor(clock.now() / 1_000);
      return dataReply({ code, generated, expire_time: generated + validFor, period: '30s' });
    },
  };
}

function codeIn(output: unknown): { readonly code: string; readonly validFor: number } {
  if (typeof output === 'object' && output !== null && 'code' in output && 'valid_for' in output)
    return { code: String(output.code), validFor: Number(output.valid_for) };
  throw new TypeError('a flow that gives a code gave none');
}
