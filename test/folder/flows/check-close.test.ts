import { expect, test } from 'vitest';
import { load, service, told } from '../folder.ts';

const read = 'steps: [{ id: a, uses: vault/read, with: { reference: op://Agents/x/y } }]\n';
const glass = `description: the way in\nbreak-glass: { close: over }\n${read}`;
const both = `${service}  development: {}\n`;

test.each([
  ['the flow is there', `description: d\n${read}`, ''],
  ['it is not there', undefined, 'unknown flow "over"'],
  [
    'it needs an input',
    `description: d\ninputs: { why: { type: string, description: why } }\n${read}`,
    'the flow "over" takes the input "why"',
  ],
  [
    'its input has a default',
    `description: d\ninputs: { why: { type: string, description: why, default: '' } }\n${read}`,
    '',
  ],
  [
    'it does not run wherever a use may be owed it',
    `description: d\nenvironments: [production]\n${read}`,
    'the flow "over" does not run in environment "development", where this one does',
  ],
])('what closes a use of break-glass is checked: %s', async (_, closing, problem) => {
  const files = { 'service.yaml': both, 'glass.yaml': glass, ...(closing && { 'over.yaml': closing }) };
  const found = told(await load(files)).filter((line) => line.startsWith('glass.yaml'));
  expect(found.map((line) => line.replace(/^glass\.yaml:2:23 /, ''))).toEqual(problem === '' ? [] : [problem]);
});

test('a flow does not close itself', async () => {
  const files = { 'service.yaml': both, 'over.yaml': glass };
  expect(told(await load(files)).filter((line) => line.startsWith('over.yaml'))).toEqual([
    'over.yaml:2:23 a flow does not close itself',
  ]);
});
