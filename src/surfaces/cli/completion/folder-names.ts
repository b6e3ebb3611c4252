import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { flowNameOf, nameTrouble } from '../../../folder/reserved-names.ts';
import { readText } from '../../../language/file-text.ts';
import type { OptionTable } from '../command-table.ts';
import type { Candidate } from './answer.ts';
import { mapping, textOf } from './loose-values.ts';

/** The names in a folder of flows, as far as its files can be read. */
export interface FolderNames {
  agents(): Promise<readonly Candidate[]>;
  environments(): Promise<readonly Candidate[]>;
  flows(): readonly Candidate[];
  secrets(): Promise<readonly Candidate[]>;
  /** the inputs of a flow, and its other options */
  optionsOf(flow: string): Promise<OptionTable>;
  /** the flow that a use of this one owes */
  closeOf(flow: string): Promise<string | undefined>;
}

/** Nothing is checked, and what cannot be read has no names. */
export function namesIn(dir: string): FolderNames {
  const text = (file: string) => {
    const found = readText(join(dir, file));
    return typeof found === 'string' ? found : '';
  };
  const content = async (file: string) => (await import('../../../language/loose-yaml.ts')).looseYaml(text(file));
  const keys = async (file: string, key: string): Promise<readonly Candidate[]> =>
    Object.entries(mapping((await content(file))[key])).map(([value, facts]) => ({
      value,
      help: textOf(mapping(facts)['description']),
    }));
  return {
    agents: () => keys('policy.yaml', 'agents'),
    async environments() {
      const found = await keys('service.yaml', 'environments');
      // the laptop's is there whether it is named or not
      const named = listed(dir).length === 0 || found.some(({ value }) => value === 'development');
      return named ? found : [...found, { value: 'development' }];
    },
    flows: () =>
      listed(dir)
        .map(flowNameOf)
        .filter((name) => name !== undefined && nameTrouble(name) === undefined)
        .map((name = '') => ({ value: name, help: description(text(`${name}.yaml`)) })),
    secrets: () => keys('registry.yaml', 'secrets'),
    async optionsOf(flow) {
      if (nameTrouble(flow) !== undefined) return {};
      const { declaredOptions } = await import('./declared-options.ts');
      return declaredOptions(await content(`${flow}.yaml`));
    },
    closeOf: async (flow) =>
      nameTrouble(flow) === undefined
        ? textOf(mapping(mapping(await content(`${flow}.yaml`))['break-glass'])['close'])
        : undefined,
  };
}

function listed(dir: string): readonly string[] {
  try {
    return readdirSync(dir).toSorted();
  } catch {
    return [];
  }
}

/** The description of a flow, where it stands on one line: without a parser, since there may be many files. */
function description(text: string): string | undefined {
  return /^description:[ \t]+(?<quote>['"]?)(?<text>.*?)\k<quote>[ \t]*(?:[ \t]#.*)?$/m.exec(text)?.groups?.['text'];
}
