import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openFolder } from '../../src/app/open-folder.ts';
import { breakGlassIn } from '../../src/folder/break-glass-accounts.ts';

const signIn = (id: string, item: string, username: string) => `  - id: ${id}
    uses: idp/sign-in
    with:
      provider: \${{ identity-providers.main }}
      username: ${username}
      password: op://Accounts/${item}/password
      one-time-password: op://Accounts/${item}/one-time password
`;
const read = (item: string) =>
  `  - { id: read, uses: vault/read, with: { reference: op://Accounts/${item}/password } }\n`;

async function found(files: Readonly<Record<string, string>>) {
  const dir = mkdtempSync(join(tmpdir(), 'glass-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, `${name}.yaml`), text);
  const folder = await openFolder(dir, {});
  expect(folder.problems).toEqual([]);
  const environment = folder.settings.environments.get('development');
  if (environment === undefined) throw new Error('no laptop');
  const { flows, drills } = breakGlassIn(folder, environment);
  return {
    flows: flows.map((each) => [
      each.flow.name,
      each.drills.flatMap((drill) => drill.proves.map(({ username }) => username)),
    ]),
    drills: drills.map(({ flow, notify, proves }) => [
      flow.name,
      notify,
      proves.map(({ step, provider }) => `${step} ${provider}`),
    ]),
  };
}

const service = (notify: string) => `environments:\n  development: { notify: ${notify} }\n`;
const ops = `{ ops: { type: ntfy, url: 'https://ntfy.sh', topic: op://Agents/ntfy/topic } }`;

test('a break-glass flow and a drill belong together where both read a password of the same item', async () => {
  const told = await found({
    service: service(ops),
    first: `description: d\nbreak-glass: { notify: ops }\nsteps:\n${read('One')}`,
    second: `description: d\nbreak-glass: { notify: gone }\nsteps:\n${read('Two')}`,
    third: `description: d\nbreak-glass: true\nsteps:\n${read('Three')}`,
    plain: `description: d\nsteps:\n${read('One')}`,
    both: `description: d\nsteps:\n${signIn('one', 'One', 'ann')}${signIn('two', 'Two', 'bo')}`,
    other: `description: d\nsteps:\n${signIn('four', 'Four', 'cy')}`,
    unknown: `description: d\ninputs: { who: { type: string } }\nsteps:\n${signIn('one', 'One', '${{ inputs.who }}')}`,
  });
  expect(told).toEqual({
    flows: [
      ['first', ['ann']],
      ['second', ['bo']],
      ['third', []],
    ],
    drills: [
      ['both', ['ops'], ['one main', 'two main']],
      ['other', [], ['four main']],
    ],
  });
});
