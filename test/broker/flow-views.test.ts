import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { arrange, as, refusalOf } from './arrange.ts';

const policy = `default: deny
approvers: { ann: {} }
agents:
  codex:
    allow: [openai.api_key, github.token]
    flows: [orders-token, tenant-token, make-login, glass]
    approve: [{ flows: [make-login], names: [github.token], by: [ann] }]
  careful: { allow: [openai.api_key], flows: [orders-token], require-reason: true }
  proven: { flows: [orders-token], require-run: proven }
`;
const glass = `description: For when all else is down
break-glass: true
steps: [{ id: read, uses: vault/read, with: { reference: op://Agents/Plain/credential } }]
output: \${{ steps.read }}
`;
const files = { 'policy.yaml': policy, 'glass.yaml': glass };

describe('the flows that an agent is told of', () => {
  test('are those that it may run, those that write too, each with what it takes', async () => {
    const { broker } = await arrange({ files });
    const found = await broker.flows(as('codex'));
    expect(
      found
        .map(({ name, effect, breakGlass }) => [name, effect, breakGlass])
        .toSorted(([a], [b]) => String(a).localeCompare(String(b))),
    ).toEqual([
      ['glass', 'none', true],
      ['make-login', 'write', undefined],
      ['orders-token', 'none', undefined],
      ['tenant-token', 'none', undefined],
    ]);
    expect(found.find(({ name }) => name === 'tenant-token')?.inputs).toEqual({
      type: 'object',
      properties: {
        tenant: { enum: ['north', 'south'], description: 'which' },
        trace: {
          type: 'string',
          maxLength: 4_096,
          pattern: '^(?:[a-z]{1,8})$',
          default: 'none',
          description: 'what for',
        },
      },
      required: ['tenant'],
      additionalProperties: false,
    });
    expect((await broker.flows(as('careful'))).map(({ name }) => name)).toEqual(['orders-token']);
    expect((await broker.flows(as('proven'))).map(({ name }) => name)).toEqual(['orders-token']);
  });

  test('take what their JSON Schema takes', async () => {
    const { broker } = await arrange({ files });
    const inputs = (await broker.flows(as('codex'))).find(({ name }) => name === 'tenant-token')?.inputs;
    const takes = new Ajv2020().compile(inputs ?? {});
    const given = [
      { tenant: 'north' },
      { tenant: 'west' },
      {},
      { tenant: 'north', trace: 'A' },
      { tenant: 'north', x: 1 },
    ];
    expect(given.map((each) => takes(each))).toEqual([true, false, false, false, false]);
  });
});

describe('whether an agent could have something', () => {
  test.each([
    ['codex', 'flow', 'orders-token', { allowed: true }],
    ['codex', 'flow', 'make-login', { allowed: false, needs: 'approval' }],
    ['codex', 'flow', 'read-one', { allowed: false }],
    ['codex', 'flow', 'nothing', { allowed: false }],
    ['codex', 'secret', 'openai.api_key', { allowed: true }],
    ['codex', 'secret', 'github.token', { allowed: false, needs: 'approval' }],
    ['codex', 'secret', 'stripe.live_key', { allowed: false }],
    ['careful', 'flow', 'orders-token', { allowed: false, needs: 'reason' }],
    ['proven', 'flow', 'orders-token', { allowed: false, needs: 'run' }],
    ['nobody', 'flow', 'orders-token', { allowed: false }],
  ] as const)('%s, %s %s', async (agent, kind, name, expected) => {
    const { broker, trail, vault, issuer } = await arrange({ files });
    expect(await broker.access(as(agent), { kind, name })).toEqual(expected);
    expect(trail.last()).toMatchObject({ agent, action: 'access.checked', what: [name], outcome: 'allowed' });
    expect([vault.batches.length, issuer.requests]).toEqual([0, 0]);
  });

  test('counts against its rate', async () => {
    const { broker } = await arrange({
      files: { 'policy.yaml': 'default: deny\nagents: { quick: { rate: 1/minute } }\n' },
    });
    await broker.access(as('quick'), { kind: 'flow', name: 'x' });
    expect(await refusalOf(broker.access(as('quick'), { kind: 'flow', name: 'x' }))).toMatchObject({
      code: 'rate-limited',
    });
  });
});
