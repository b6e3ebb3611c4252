import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { Folder } from './flow/load.ts';
import { createSource, type Problem, type Source } from './flow/problems.ts';
import { readText } from './flow/read-text.ts';
import { readYaml, type Node } from './flow/yaml.ts';
import { checkPolicy } from './policy/check.ts';
import { emptyPolicy, readPolicy } from './policy/file.ts';
import type { Policy } from './policy/policy.ts';
import { emptyRegistry, readRegistry, type Registry } from './registry.ts';

/** policy.yaml and registry.yaml of a folder, checked against each other and the flows. Nothing was contacted. */
export interface BrokerFiles {
  readonly policy: Policy;
  readonly registry: Registry;
  /** where there are any, policy and registry must not be used */
  readonly problems: readonly Problem[];
  /** one of them is there and could not be read: the same files may be readable later */
  readonly unreadable: boolean;
  /** the texts as they were read; undefined where there is no such file */
  readonly texts: { readonly policy: string | undefined; readonly registry: string | undefined };
}

/** Loads both files. Without policy.yaml no agent may have anything; without registry.yaml there are no names. */
export function loadBrokerFiles(folder: Folder): BrokerFiles {
  const registryFile = open(join(folder.dir, 'registry.yaml'));
  const policyFile = open(join(folder.dir, 'policy.yaml'));
  const registry =
    registryFile.root === undefined ? undefined : readRegistry(registryFile.root, registryFile.source, folder);
  const written = policyFile.root === undefined ? undefined : readPolicy(policyFile.root, policyFile.source);
  if (written !== undefined) {
    const readable = registryFile.exists ? registry : emptyRegistry;
    checkPolicy(written, policyFile.source, readable, folder);
  }
  return {
    policy: written?.policy ?? emptyPolicy,
    registry: registry ?? emptyRegistry,
    problems: [policyFile, registryFile].flatMap(({ source, trouble }) => [
      ...trouble,
      ...source.problems.toSorted((a, b) => a.line - b.line || a.column - b.column),
    ]),
    unreadable: [policyFile, registryFile].some(({ exists, text }) => exists && text === undefined),
    texts: { policy: policyFile.text, registry: registryFile.text },
  };
}

interface Opened {
  readonly exists: boolean;
  readonly source: Source;
  readonly text: string | undefined;
  readonly root: Node | undefined;
  /** what kept it from being read */
  readonly trouble: readonly Problem[];
}

function open(file: string): Opened {
  const blank = { source: createSource(file, ''), text: undefined, root: undefined, trouble: [] };
  if (lstatSync(file, { throwIfNoEntry: false }) === undefined) return { ...blank, exists: false };
  const text = readText(file);
  if (typeof text !== 'string') return { ...blank, exists: true, trouble: [text] };
  const source = createSource(file, text);
  return { exists: true, source, text, root: readYaml(source), trouble: [] };
}
