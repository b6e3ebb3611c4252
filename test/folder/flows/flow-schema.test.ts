import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { flowSchema } from '../../../src/folder/flows/flow-schema.ts';
import { flowKeys, stepKeys } from '../../../src/folder/flows/read-flow.ts';
import { inputKeys } from '../../../src/folder/flows/read-inputs.ts';
import { stepKinds } from '../../../src/steps/index.ts';
import { load, service } from '../folder.ts';

const isTaken = new Ajv2020({ strict: false }).compile(flowSchema(flowKeys, stepKeys, inputKeys, stepKinds));

const notFlows = new Set(['service', 'policy', 'policy.test', 'registry', 'development']);
const shipped = globSync('flows/*.yaml').filter((file) => !notFlows.has(basename(file, '.yaml')));

it('there are shipped flows', () => expect(shipped.length).toBeGreaterThan(3));

it.each(shipped)('%s is what an editor takes', (file) => {
  isTaken(parse(readFileSync(file, 'utf8')));
  expect(isTaken.errors).toBeNull();
});

const read = 'steps: [{ id: a, uses: vault/read, with: { reference: op://Agents/I/f } }]';
const push = 'store: "${{ stores.aws }}", secrets: [{ name: x, value: op://Agents/I/f }]';

describe('the editor and the check agree', () => {
  it.each([
    ['a flow', `description: x\n${read}\n`, true],
    ['an output by name', `description: x\n${read}\noutput: { value: '\${{ steps.a }}' }\n`, true],
    ['inputs, short and long', `description: x\ninputs: { n: number, e: { type: enum, values: [a], description: y } }\n${read}\n`, true],
    ['the other name of a step', `description: x\nsteps: [{ id: a, uses: secrets-manager/push, with: { ${push} } }]\n`, true],
    ['no steps', 'description: x\n', false],
    ['steps, and none there', 'description: x\nsteps: []\n', false],
    ['an unknown key', `description: x\nwhen: always\n${read}\n`, false],
    ['an unknown step', 'description: x\nsteps: [{ id: a, uses: vault/raed }]\n', false],
    ['an id in capitals', 'description: x\nsteps: [{ id: A, uses: vault/read, with: { reference: op://Agents/I/f } }]\n', false],
    ['nothing for a step that needs something', 'description: x\nsteps: [{ id: a, uses: vault/read }]\n', false],
    ['a key of another step', 'description: x\nsteps: [{ id: a, uses: vault/read, with: { reference: op://Agents/I/f, at-least: 3 } }]\n', false],
    ['an input of no kind', `description: x\ninputs: { n: date }\n${read}\n`, false],
    ['break-glass that is no truth', `description: x\nbreak-glass: perhaps\n${read}\n`, false],
    ['no steps and a mapping', 'description: x\noutput: { KEY: op://Agents/x/y }\n', true],
    ['no steps and one value', 'description: x\noutput: op://Agents/x/y\n', false],
    ['no environments at all', `description: x\nenvironments: []\n${read}\n`, false],
  ])('about %s', async (_, text, right) => {
    expect(isTaken(parse(text))).toBe(right);
    const folder = await load({ 'service.yaml': service, 'a.yaml': text });
    expect(folder.problems.length === 0, folder.problems.map(({ message }) => message).join()).toBe(right);
  });
});
