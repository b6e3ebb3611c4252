import { describe, expect, it } from 'vitest';
import { load, service, told } from '../folder.ts';

const flow = `description: d
steps:
  - { id: read, uses: vault/read, with: { reference: op://Agents/x/y } }
output: \${{ steps.read }}
`;
const long = `a-${'long-'.repeat(10)}name`;

describe('mcp: of an environment', () => {
  it.each([
    ['a flow', 'a-flow', flow, undefined],
    ['no flow', 'a-flw', flow, /unknown flow "a-flw"/],
    ['one for break-glass', 'a-flow', `break-glass: true\n${flow}`, /"a-flow" is for break-glass/],
    ['one of another environment', 'a-flow', `environments: [development]\n${flow}`, /does not run in "production"/],
  ])('takes %s as a tool, or says why not', async (_, named, text, message) => {
    const problems = told(
      await load({ 'service.yaml': `${service}    mcp: { tools: [${named}] }\n`, 'a-flow.yaml': text }),
    );
    expect(problems.map((problem) => message?.test(problem))).toEqual(message === undefined ? [] : [true]);
  });

  it.each([
    ['run-flow', /has the name of a tool that is there anyway/],
    [long, /has a name of more than 40 characters/],
  ])('takes no flow that is called %s', async (name, message) => {
    const text = `${service}    mcp: { tools: [${name}] }\n`;
    expect(told(await load({ 'service.yaml': text, [`${name}.yaml`]: flow }))).toEqual([
      expect.stringMatching(message),
    ]);
  });
});
