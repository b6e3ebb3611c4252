import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunningStack } from '../../src/laptop/start-stack.ts';
import { startVaultDouble, type VaultDouble } from '../adapters/kv/double.ts';
import { amountOf, someOf } from '../long/amounts.ts';
import { type Boundary, killedAt } from './boundaries.ts';
import { createHome, type Ended } from './home.ts';
import { withVaultToMoveTo } from './vault-to-move-to.ts';

const home = createHome(false);
let stack: RunningStack;
let double: VaultDouble;
beforeAll(async () => {
  withVaultToMoveTo(home);
  [stack, double] = await Promise.all([home.stack(), startVaultDouble()]);
});
afterAll(async () => {
  await home.close();
  await double.close();
});

const size = amountOf('secrets of a migration');
const env = () => ({ VAULT_TOKEN: double.root.reveal() });
const list = (mount: string, count = size) =>
  Array.from({ length: count }, (_, index) => `n${index}`).map((name) => ({ mount, name }));

/** A mount of its own for each case, whose secrets all become items. */
function prepare(mount: string, count = size): void {
  double.mount(mount, {});
  for (const { name } of list(mount, count)) double.write(name, { value: `of ${name}`, number: 1 }, mount);
  const lines = list(mount, count).map(
    ({ name }) => `  - { path: ${mount}/${name}, to: op://Moved/${mount}-${name} }\n`,
  );
  home.write(
    'flows/migration.yaml',
    `from: { url: '${double.url}', token: { env: VAULT_TOKEN } }\nsecrets:\n${lines.join('')}`,
  );
}

async function killed(at: Boundary): Promise<Ended> {
  return killedAt(home.start(['migrate', 'vault', 'run', '--yes'], { env: env() }), stack, at);
}

/** All of it is there, once, whatever the first run had done. */
async function expectCompleted(what: string, mount: string, count = size): Promise<void> {
  const run = await home.flows(['migrate', 'vault', 'run', '--yes', '--json'], { env: env() });
  expect([what, run.code, run.code === 0 ? '' : run.stderr]).toEqual([what, 0, '']);
  const { counts } = JSON.parse(run.stdout);
  expect([what, counts.moved + counts.same]).toEqual([what, count]);
  const titles = stack.vault
    .dump()
    .filter(({ state, title }) => state === 'active' && title.startsWith(`${mount}-`))
    .map(({ title }) => title);
  expect([what, titles.toSorted()]).toEqual([
    what,
    list(mount, count)
      .map(({ name }) => `${mount}-${name}`)
      .toSorted(),
  ]);
}

/** Both sides hold the same. */
async function expectEqual(what: string, count = size): Promise<void> {
  const verified = await home.flows(['migrate', 'vault', 'verify'], { env: env() });
  expect([what, verified.code, verified.stdout.split('\n').filter((line) => line.startsWith('match'))]).toEqual([
    what,
    0,
    expect.objectContaining({ length: count }),
  ]);
}

const writes = /^PATCH \/api\/v3\/vault\/\w+\/\d+\/items/;
const kills = someOf(
  // the vault is taken, two batches are written, and it is let go of
  [1, 2, 5].flatMap((nth) =>
    (['start', 'finish'] as const).map((when) => ({ name: `w${nth}${when}`, at: { request: writes, nth, when } })),
  ),
  'kills of a migration',
);
const anywhere = Array.from({ length: amountOf('random kills of a migration') }, (_, index) => ({
  name: `r${index}`,
  // the sign-in and a read for each batch: some of these come after the end, and kill nothing
  at: { request: /./, nth: 3 + ((index * 7) % 17), when: index % 2 === 0 ? 'start' : 'finish' } satisfies Boundary,
}));

describe('two machines', () => {
  const args = ['migrate', 'vault', 'run', '--yes', '--environment', 'own'];
  /** One that knows nothing of the other. */
  const machine = (name: string) => ({
    ...env(),
    OWN: stack.addresses.vault.token.reveal(),
    XDG_STATE_HOME: join(home.path, name),
  });
  const locks = () => stack.vault.dump().filter(({ state, title }) => state === 'active' && title.includes('goes on'));
  beforeAll(() => {
    const own =
      '{ development: true, key: op://Development/auth-chain key/password, vault: { type: onepassword, token: { env: OWN } } }';
    home.write(
      'flows/service.yaml',
      `default-environment: development\nenvironments: { development: {}, own: ${own} }\n`,
    );
  });

  test(
    'one that was killed goes on there alone, and at another where a person says so',
    { timeout: 600_000 },
    async () => {
      for (const [here, there] of [
        ['one', 'two'],
        ['two', 'one'],
      ] as const) {
        // two batches: one that was sent may be written, whoever sent it
        prepare(`${here}-first`, 110);
        const at = { request: writes, nth: 2, when: 'start' } as const;
        const { signal } = await killedAt(home.start(args, { env: machine(here) }), stack, at);
        expect([here, signal, locks().length]).toEqual([here, 'SIGKILL', 1]);
        const refused = await home.flows(args, { env: machine(there) });
        expect([here, refused.code]).toEqual([here, 73]);
        expect(refused.stderr).toMatch(new RegExp(`host "${hostname()}" moves secrets into vault "Moved" since 20`));
        const [who, more] = here === 'one' ? [here, []] : [there, ['--take-over']];
        const ended = await home.flows([...args, ...more], { env: machine(who) });
        expect([here, ended.code, ended.code === 0 ? '' : ended.stderr]).toEqual([here, 0, '']);
        expect([here, locks()]).toEqual([here, []]);
      }
    },
  );

  test('at once make each item once, whichever is faster', { timeout: 600_000 }, async () => {
    prepare('machines', 20);
    const both = await Promise.all(['one', 'two'].map((name) => home.flows(args, { env: machine(name) })));
    // who comes second finds the vault taken, or all of it there
    expect(both.filter(({ code }) => code !== 0 && code !== 73)).toEqual([]);
    for (const name of ['one', 'two']) expect((await home.flows(args, { env: machine(name) })).code).toBe(0);
    const titles = stack.vault
      .dump()
      .filter(({ state, title }) => state === 'active' && title.startsWith('machines-'))
      .map(({ title }) => title);
    expect(titles.toSorted()).toEqual(
      list('machines', 20)
        .map(({ name }) => `machines-${name}`)
        .toSorted(),
    );
    expect(locks()).toEqual([]);
  });
});

describe('a move that is killed at any boundary', () => {
  test('is completed by the next run: none is lost, and none is there twice', { timeout: 2_400_000 }, async () => {
    for (const { name, at } of kills) {
      prepare(name);
      const { signal, stderr } = await killed(at);
      expect([name, signal, signal === null ? stderr : '']).toEqual([name, 'SIGKILL', '']);
      await expectCompleted(name, name);
      await expectEqual(name);
    }
    for (const { name, at } of anywhere) {
      prepare(name, 110);
      await killed(at);
      await expectCompleted(name, name, 110);
    }
  });

  test('two at once on one machine make each item once', { timeout: 600_000 }, async () => {
    // few, so that the second need not wait for long
    prepare('both', 20);
    const args = ['migrate', 'vault', 'run', '--yes'];
    const both = await Promise.all([home.flows(args, { env: env() }), home.flows(args, { env: env() })]);
    expect(both.map(({ code, stderr }) => (code === 0 ? 0 : stderr))).toEqual([0, 0]);
    await expectCompleted('both', 'both', 20);
    await expectEqual('both', 20);
  });
});
