import { join } from 'node:path';
import type { HookRules } from '../../../foundation/wire.ts';
import { readText } from '../../../language/file-text.ts';
import { looseArguments } from '../arguments.ts';
import { commonOptions } from '../command-table.ts';
import { flowsFolder } from '../flows-folder.ts';
import type { Invocation } from '../invocation.ts';

/** `hook:` of the folder's policy.yaml, where no broker tells it; `flows check` says what is wrong with it. */
export async function writtenRules({ argv }: Invocation): Promise<Partial<HookRules>> {
  const text = readText(join(flowsFolder(looseArguments(argv, commonOptions)['dir']), 'policy.yaml'));
  if (typeof text !== 'string' || !/^hook:/m.test(text)) return {};
  // seldom needed, and half of what this command would load
  const { looseYaml } = await import('../../../language/loose-yaml.ts');
  const written = Object.entries(looseYaml(text)['hook'] ?? {});
  const lists = written.filter(([, list]) => Array.isArray(list) && list.every((each) => typeof each === 'string'));
  return Object.fromEntries(lists);
}
