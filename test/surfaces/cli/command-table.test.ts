import { describe, expect, test } from 'vitest';
import { commandNames, nameTrouble, reservedInputs } from '../../../src/folder/reserved-names.ts';
import { complete } from '../../../src/surfaces/cli/completion/candidates.ts';
import {
  type CommandFacts,
  commandTable,
  commonOptions,
  flowUsage,
  runOptions,
} from '../../../src/surfaces/cli/command-table.ts';
import { shells } from '../../../src/surfaces/cli/completion/shells.ts';
import { logLevels } from '../../../src/surfaces/server/log.ts';
import { createHome } from '../../e2e/home.ts';

const commands = Object.entries<CommandFacts>(commandTable);
const values = (answer: Awaited<ReturnType<typeof complete>>) =>
  typeof answer === 'string' ? answer : answer.map(({ value }) => value);

describe('the table of commands', () => {
  test('has the commands whose names are reserved', () => {
    expect(commands.map(([name]) => name).toSorted()).toEqual(commandNames.toSorted());
    for (const [name] of commands) expect(nameTrouble(name)?.[0]).toContain('is a command');
  });

  test('has the options that no input may be named as', () => {
    for (const name of [...Object.keys(commonOptions), ...Object.keys(runOptions)])
      expect(reservedInputs).toContain(name);
  });

  test('is all of the help', async () => {
    const home = createHome();
    try {
      const { stdout } = await home.flows(['help']);
      await expect(stdout).toMatchFileSnapshot('golden/help.txt');
      const [, lines = '', options = ''] = stdout.split('\n\n');
      const told = [...flowUsage, ...commands.flatMap(([, { usage }]) => usage)];
      expect(lines.split('\n').map((line) => line.trim().split(/ {2,}/))).toEqual(told.map((each) => [...each]));
      for (const [name, { help }] of Object.entries(commonOptions)) {
        expect(options).toMatch(new RegExp(`^  --${name}\\b.*`, 'm'));
        expect(options).toContain(help);
      }
    } finally {
      await home.close();
    }
  });

  test.each(commands)('%s is written as its lines say', (name, { usage, verbs = {} }) => {
    for (const [line, what] of usage) {
      expect(line).toMatch(new RegExp(`^flows ${name}\\b`));
      expect(what).toMatch(/^\S.*\S$/);
    }
    for (const verb of Object.keys(verbs)) expect(usage.flat().join('\n')).toMatch(new RegExp(`\\b${verb}\\b`));
  });

  test.each(commands)('%s is completed from it', async (name, { options = {}, verbs = {} }) => {
    expect(values(await complete({ before: [], current: '' }))).toContain(name);
    const dashed = (table: object) => Object.keys({ ...commonOptions, ...table }).map((each) => `--${each}`);
    expect(values(await complete({ before: [name], current: '-' }))).toEqual(dashed(options));
    for (const [verb, facts] of Object.entries(verbs)) {
      expect(values(await complete({ before: [name], current: '' }))).toContain(verb);
      expect(values(await complete({ before: [name, verb], current: '--' }))).toEqual(dashed(facts.options ?? {}));
    }
  });

  test('knows the words that others define', () => {
    const [levels] = commandTable.serve.options['log-level'].choices;
    expect(levels).toEqual(logLevels);
    expect(commandTable.serve.options['log-level'].help).toContain(logLevels.join(', '));
    expect(commandTable.completion.words).toEqual([[Object.keys(shells)]]);
  });
});
