import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '@1password/sdk';
import { findStack } from '../../src/app/laptop-stack-file.ts';
import { Reference } from '../../src/foundation/reference.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { createOnePasswordVault } from '../../src/adapters/vaults/onepassword/vault.ts';
import { createHome } from '../e2e/home.ts';
import { longestLag } from './longest-lag.ts';
import { inTurn, median, row, type Row } from './row.ts';

const text = 'op://Agents/Orders M2M/credential';

/** How long a sign-in to the vault keeps the main thread from anything else, against the SDK on that thread. */
export async function bench({ short }: { readonly short: boolean }): Promise<Row[]> {
  const home = createHome();
  try {
    // in a process of its own, so that its work is not taken for the client's
    await home.start(['dev']).shows('Ctrl-C stops everything');
    // where it has told of itself
    process.env['XDG_STATE_HOME'] = home.env['XDG_STATE_HOME'];
    const { vault } = await findStack(join(home.work, 'flows'));
    const reference = Reference.parse(text);
    if (!(reference instanceof Reference)) throw new TypeError(reference.problem);

    const ours = async () => {
      const adapter = createOnePasswordVault({ token: () => Promise.resolve(vault.token), development: true });
      const value = (await adapter.read([reference])).get(text);
      if (!(value instanceof Secret)) throw value ?? new Error('not read');
      await adapter.close();
    };
    const theirs = async () => {
      const auth = vault.token.reveal();
      const client = await createClient({ auth, integrationName: 'benchmark', integrationVersion: '1' });
      await client.secrets.resolve(text);
    };
    await theirs(); // the SDK's code is loaded once; it is its sign-in that is compared
    const ownWork: number[] = [];
    const lags = await inTurn(short ? 5 : 15, {
      idle: async () => (await longestLag(() => sleep(500))).lag,
      ours: async () => {
        const { lag, own } = await longestLag(ours);
        ownWork.push(own);
        return lag;
      },
      theirs: async () => (await longestLag(theirs)).lag,
    });
    const name = 'longest block of the main thread while the vault signs in';
    return [
      row({
        name: `${name}, without its wait for a processor (Linux)`,
        value: median(ownWork),
        unit: 'ms',
        goal: { atMost: 20 },
      }),
      row({
        name: `${name}, against the SDK on that thread`,
        value: lags.of('ours'),
        unit: 'ms',
        against: lags.of('theirs'),
        ratio: lags.ratio('ours', 'theirs'),
      }),
      row({
        name: `${name}, against doing nothing on this machine`,
        value: lags.of('ours'),
        unit: 'ms',
        against: lags.of('idle'),
        ratio: lags.ratio('ours', 'idle'),
      }),
    ];
  } finally {
    await home.close();
  }
}
