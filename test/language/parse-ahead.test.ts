import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseAhead } from '../../src/language/parse-ahead.ts';
import { createSource } from '../../src/language/problems.ts';
import { readYaml } from '../../src/language/yaml.ts';
import { folderWith } from '../folder/folder.ts';

const long = `a:\n${'  - { b: 1.50, c: "é", d: ~ }\n'.repeat(400)}`;

test.each([
  ['a long file', `${long}e: text\n`],
  ['keys that stand twice', `${long}a: 1\na: 2\n`],
  ['what is no YAML', `${long}  x: y: z\n`],
  ['anchors', `${long}e: &f 1\n`],
  ['a short file', 'a: 1\n'],
  ['another text than the one that was parsed', undefined],
])('a thread reads as this one does, with every problem at its place: %s', async (_, text) => {
  const file = join(folderWith({ 'a.yaml': text ?? long }), 'a.yaml');
  const read = await parseAhead([file, join(file, '..', 'none.yaml')]);
  const source = () => createSource(file, text ?? `${long}f: 1\n`);
  const [there, here] = [source(), source()];
  expect(read(there)).toEqual(readYaml(here));
  // what they say is worked out when it is read
  expect(there.problems.map((each) => ({ ...each }))).toEqual(here.problems.map((each) => ({ ...each })));
});
