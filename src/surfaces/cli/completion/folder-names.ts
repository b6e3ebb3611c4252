import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { flowNameOf, nameTrouble } from '../../../folder/reserved-names.ts';
import { readText } from '../../../language/file-text.ts';
import { createSource } from '../../../language/problems.ts';
import { type Entry, type Node, readYaml } from '../../../language/yaml.ts';
import type { OptionTable } from '../command-table.ts';

/** A name, and what it is. */
export type Named = readonly [name: string, help: string];

/** The names that stand in a folder's files, each file read when it is asked for. What is broken gives none. */
export interface FolderNames {
  flows(): readonly Named[];
  environments(): readonly Named[];
  agents(): readonly Named[];
  secrets(): readonly Named[];
  /** the inputs of a flow, as options */
  inputs(flow: string): OptionTable;
}

/** Names of a folder of flows. Nothing is checked, and no flow is read but the one whose inputs are asked for. */
export function folderNames(dir: string): FolderNames {
  const read = (name: string) => rootOf(join(dir, name));
  return {
    flows: () => list(dir).flatMap((file) => flowIn(dir, file)),
    environments: () => keysIn(read('service.yaml'), 'environments'),
    agents: () => keysIn(read('policy.yaml'), 'agents'),
    secrets: () => keysIn(read('registry.yaml'), 'secrets'),
    inputs(flow) {
      const inputs = nameTrouble(flow) === undefined ? entriesIn(read(`${flow}.yaml`), 'inputs') : [];
      return Object.fromEntries(inputs.map(({ key, value }) => [key, inputOption(value)]));
    },
  };
}

function flowIn(dir: string, file: string): readonly Named[] {
  const name = flowNameOf(file);
  if (name === undefined || nameTrouble(name) !== undefined) return [];
  const text = readText(join(dir, file));
  // a line of the file rather than the file as YAML: there may be hundreds of them
  const [, description = ''] = typeof text === 'string' ? (/^description: *(\S.*)$/m.exec(text) ?? []) : [];
  return [[name, description.replace(/^(['"])(.*)\1$/, '$2')]];
}

function inputOption(input: Node): OptionTable[string] {
  const facts = input.kind === 'mapping' ? input.entries : [];
  const value = (key: string) => facts.find((entry) => entry.key === key)?.value;
  const words = [value('enum'), value('values')].flatMap((node) =>
    node?.kind === 'list' ? node.items.flatMap(text) : [],
  );
  const type = input.kind === 'scalar' ? text(input)[0] : text(value('type'))[0];
  return {
    type: type === 'boolean' ? 'boolean' : 'string',
    help: text(value('description'))[0] ?? '',
    choices: words.length === 0 ? [] : [words],
  };
}

function keysIn(root: Node | undefined, key: string): readonly Named[] {
  return entriesIn(root, key).map(({ key: name, value }): Named => {
    const described = value.kind === 'mapping' ? value.entries.find((entry) => entry.key === 'description') : undefined;
    return [name, text(described?.value)[0] ?? ''];
  });
}

function entriesIn(root: Node | undefined, key: string): readonly Entry[] {
  const value = root?.kind === 'mapping' ? root.entries.find((entry) => entry.key === key)?.value : undefined;
  return value?.kind === 'mapping' ? value.entries : [];
}

function text(node: Node | undefined): readonly string[] {
  return node?.kind === 'scalar' && node.value !== null ? [String(node.value)] : [];
}

function rootOf(file: string): Node | undefined {
  const content = readText(file);
  return typeof content === 'string' ? readYaml(createSource(file, content)) : undefined;
}

function list(dir: string): readonly string[] {
  try {
    return readdirSync(dir).toSorted();
  } catch {
    return [];
  }
}
