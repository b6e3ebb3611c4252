import { join } from 'node:path';
import { atOnce, type InTurns } from '../foundation/in-turns.ts';
import type { Folder } from './load-folder.ts';
import { openYaml } from '../language/yaml-file.ts';
import type { Problem } from '../language/problems.ts';
import type { YamlReader } from '../language/yaml.ts';
import { checkApprovals, checkFlowApprovals } from './policy/check-approvals.ts';
import { idlePageClients } from './policy/check-page-clients.ts';
import { checkPolicy } from './policy/check-policy.ts';
import { emptyPolicy, policyOf } from './policy/read-policy.ts';
import type { Policy } from './policy/policy.ts';
import { emptyRegistry, readRegistry, type Registry } from './registry.ts';

/** policy.yaml and registry.yaml of a folder, checked against each other and the flows. Nothing was contacted. */
export interface BrokerFiles {
  readonly policy: Policy;
  readonly registry: Registry;
  /** where there are any, policy and registry must not be used */
  readonly problems: readonly Problem[];
  /** what does not keep them from being used */
  readonly warnings: readonly Problem[];
  /** one of them is there and could not be read: the same files may be readable later */
  readonly unreadable: boolean;
  /** the texts as they were read; undefined where there is no such file */
  readonly texts: { readonly policy: string | undefined; readonly registry: string | undefined };
}

/** Loads both files. Without policy.yaml no agent may have anything; without registry.yaml there are no names. */
export function loadBrokerFiles(folder: Folder): BrokerFiles {
  return atOnce(brokerFilesOf(folder));
}

/** The same, so that others are served meanwhile. */
export function* brokerFilesOf(folder: Folder, read?: YamlReader): InTurns<BrokerFiles> {
  const registryFile = openYaml(join(folder.dir, 'registry.yaml'), read);
  yield;
  const policyFile = openYaml(join(folder.dir, 'policy.yaml'), read);
  yield;
  const registry =
    registryFile.root === undefined ? undefined : yield* readRegistry(registryFile.root, registryFile.source, folder);
  const written = policyFile.root === undefined ? undefined : yield* policyOf(policyFile.root, policyFile.source);
  if (written !== undefined) {
    const readable = registryFile.exists ? registry : emptyRegistry;
    yield* checkPolicy(written, policyFile.source, readable, folder);
    checkApprovals(written, policyFile.source, readable, folder);
  }
  const policy = written?.policy ?? emptyPolicy;
  return {
    policy,
    registry: registry ?? emptyRegistry,
    problems: [...policyFile.problems(), ...registryFile.problems(), ...checkFlowApprovals(folder, policy)],
    warnings: [...policyFile.warnings(), ...registryFile.warnings(), ...idlePageClients(folder.settings, policy)],
    unreadable: [policyFile, registryFile].some(({ exists, text }) => exists && text === undefined),
    texts: { policy: policyFile.text, registry: registryFile.text },
  };
}
