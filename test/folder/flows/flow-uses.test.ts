import { expect, it } from 'vitest';
import { usesOf } from '../../../src/folder/flows/flow-uses.ts';
import { load, service, told } from '../folder.ts';

async function used(steps: string, environment = 'production') {
  const folder = await load({ 'service.yaml': service, 'x.yaml': `description: d\n${steps}` });
  expect(told(folder)).toEqual([]);
  const [flow, where] = [folder.flows.get('x'), folder.settings.environments.get(environment)];
  if (flow === undefined || where === undefined) throw new Error('not loaded');
  return usesOf(flow, where);
}

it('names every reference that choices and variables can make, each as one part', async () => {
  const { references, steps } = await used(`inputs: { team: { enum: [a/b, c] }, free: string }
steps:
  - { id: r, uses: vault/read, with: { reference: "op://\${{ vars.vault }}/M2M \${{ inputs.team }}/x" } }
  - { id: t, uses: totp/code, with: { reference: op://Agents/otp/one-time password } }
`);
  expect(
    references.map(({ reference, target, step, key, access }) => [String(reference), target, step, key, access]),
  ).toEqual([
    ['op://Agents/M2M a%2Fb/x', 'field', 'r', 'reference', 'read'],
    ['op://Agents/M2M c/x', 'field', 'r', 'reference', 'read'],
    ['op://Agents/otp/one-time password', 'one-time-password', 't', 'reference', 'read'],
  ]);
  expect(steps.map(({ id }) => id)).toEqual(['r', 'r', 't']);
  expect(references[0]?.location).toMatch(/x\.yaml:4:\d+$/);
});

it('tells the known part of each input, connections by name, and vaults written to', async () => {
  const found = await used(`inputs: { email: string }
steps:
  - id: login
    uses: vault/create-login
    with: { vault: "\${{ vars.vault }}", title: "\${{ inputs.email }}", username: "\${{ inputs.email }}" }
  - id: otp
    uses: vault/set-one-time-password
    with: { item: op://Accounts/Shared }
  - id: push
    uses: secrets-manager/push
    with: { store: "\${{ stores.aws }}", secrets: [{ name: "\${{ vars.prefix }}/a", value: "\${{ steps.login.password }}" }] }
`);
  expect(found.vaultsWritten).toEqual(['Agents', 'Accounts']);
  expect(found.references.map(({ reference, access, target }) => [String(reference), access, target])).toEqual([
    ['op://Accounts/Shared', 'write', 'item'],
  ]);
  expect(found.connections).toEqual([{ kind: 'stores', name: 'aws', step: 'push' }]);
  expect(found.steps[0]?.input).toMatchObject({ vault: 'Agents' });
  expect(found.steps[0]?.input).not.toHaveProperty('title');
  expect(found.steps[2]?.input).toMatchObject({
    store: { connection: 'stores', name: 'aws' },
    secrets: [{ name: 'prod/a' }],
  });
});

it('gives a whole expression the type that it has, where a key takes several', async () => {
  const { steps } = await used(`steps:
  - id: push
    uses: secrets-manager/push
    with:
      store: \${{ stores.aws }}
      secrets:
        - name: a
          value: { count: "\${{ vars.count }}", flag: "\${{ vars.flag }}", text: "\${{ vars.prefix }}", part: "x\${{ vars.count }}" }
`);
  expect(steps[0]?.input['secrets']).toEqual([
    { name: 'a', value: { count: 3, flag: true, text: 'prod', part: 'x3' } },
  ]);
});

it('names what stands in an output as shown, but not what its own steps make', async () => {
  const environment = await used(
    'output: { KEY: "op://${{ vars.vault }}/OpenAI/credential", ITEM: op://Agents/OpenAI, LEVEL: info }\n',
  );
  const facts = environment.references.map(({ reference, access, key }) => [String(reference), access, key]);
  expect(facts).toEqual([['op://Agents/OpenAI/credential', 'shown', 'KEY']]);
  const born = await used(`steps: [{ id: a, uses: vault/create-login, with: { vault: Accounts, title: t, username: u } }]
output: { made: op://Accounts/t/password }
`);
  expect(born.references).toEqual([]);
});
