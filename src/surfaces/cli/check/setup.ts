import { loadBrokerFiles } from '../../../folder/policy-and-registry.ts';
import { FlowError } from '../../../foundation/errors.ts';
import type { Folder } from '../../../folder/load-folder.ts';
import { suggest } from '../../../language/nearest-name.ts';
import type { Uses } from '../../../folder/flows/flow-uses.ts';
import type { Environment, VaultSettings } from '../../../folder/service/settings.ts';
import { usesIn } from '../../../folder/folder-uses.ts';
import { anyName, pushedNames } from './pushed-names.ts';
import { items, quoted } from './vault-items.ts';
import type { Terminal } from '../terminal.ts';

/** `flows check --setup`: what each environment's vault tokens must read and write, and the least policy for its pushes. */
export function setup(folder: Folder, wanted: unknown, terminal: Terminal): number {
  const { settings } = folder;
  const { registry } = loadBrokerFiles(folder);
  if (typeof wanted === 'string' && !settings.environments.has(wanted)) {
    const hint = suggest(wanted, settings.environments.keys());
    throw new FlowError('usage', `unknown environment "${wanted}"`, hint === undefined ? {} : { hint });
  }
  for (const environment of settings.environments.values()) {
    if (typeof wanted === 'string' && environment.name !== wanted) continue;
    terminal.out(`# environment ${environment.name}\n`);
    if (environment.laptop) {
      terminal.out('# the laptop stack needs nothing: flows dev\n\n');
      continue;
    }
    const uses = usesIn(folder, registry, environment);
    terminal.out(`${tokens(environment, uses)}\n${items(environment, uses)}\n${policies(environment, uses)}`);
  }
  return 0;
}

/** One service account for each entry of `vault:` that has a token. */
function tokens(environment: Environment, uses: readonly Uses[]): string {
  const read = new Set([
    ...uses.flatMap((use) => use.references.map(({ reference }) => reference.vault)),
    ...environment.key.map(({ vault }) => vault),
  ]);
  const written = new Set([
    ...uses.flatMap((use) => use.vaultsWritten),
    ...uses.flatMap((use) =>
      use.references.filter(({ access }) => access === 'write').map(({ reference }) => reference.vault),
    ),
  ]);
  const commands = environment.vaults.map((entry, index) => {
    const mine = [...new Set([...read, ...written])]
      .filter((vault) => serves(entry, vault, environment.vaults))
      .toSorted();
    const grants = mine.map(
      (vault) => `  --vault ${quoted(`${vault}:${written.has(vault) ? 'read_items,write_items' : 'read_items'}`)}`,
    );
    if (entry.account !== undefined)
      return `# the desktop app, account ${entry.account}: its user needs ${mine.join(', ') || 'no vault'}\n`;
    if (grants.length === 0) return `# vault entry ${index + 1}: no flow uses it\n`;
    return `op service-account create ${quoted(`flows ${environment.name} ${index + 1}`)} --expires-in 90d \\\n${grants.join(' \\\n')}\n`;
  });
  return `# service accounts; vaults and rights cannot be changed afterwards\n${commands.join('')}`;
}

function serves(entry: VaultSettings, vault: string, all: readonly VaultSettings[]): boolean {
  const names = (each: VaultSettings) =>
    each.vaults?.some((name) => name.toLowerCase() === vault.toLowerCase()) ?? false;
  return names(entry) || (entry.vaults === undefined && !all.some(names));
}

/** The least IAM policy for what an environment pushes: it can write under these names and never read a value back. */
function policies(environment: Environment, uses: readonly Uses[]): string {
  return [...environment.stores]
    .map(([name, { region, account = 'ACCOUNT' }]) => {
      const resources = new Set(
        uses.flatMap((use) => pushedNames(use, name)).map((secret) => arnOf(secret, region, account)),
      );
      if (resources.size === 0) return `# store ${name}: no flow pushes there\n`;
      const policy = {
        Version: '2012-10-17',
        Statement: [
          {
            Sid: 'PushSecrets',
            Effect: 'Allow',
            Action: [
              'CreateSecret',
              'PutSecretValue',
              'DescribeSecret',
              'ListSecretVersionIds',
              'UpdateSecret',
              'UpdateSecretVersionStage',
              'TagResource',
            ].map(prefixed),
            Resource: [...resources].toSorted(),
          },
          { Sid: 'SeeWhatIsThere', Effect: 'Allow', Action: prefixed('ListSecrets'), Resource: '*' },
          {
            Sid: 'NeverReadBack',
            Effect: 'Deny',
            Action: ['GetSecretValue', 'BatchGetSecretValue'].map(prefixed),
            Resource: '*',
          },
        ],
      };
      return `# IAM policy for store ${name}\n${JSON.stringify(policy, undefined, 2)}\n`;
    })
    .join('');
}

function prefixed(action: string): string {
  return `secretsmanager:${action}`;
}

/** AWS ends each ARN with a hyphen and six characters of its own. */
function arnOf(name: string, region: string, account: string): string {
  if (name.startsWith('arn:')) return name;
  return `arn:aws:secretsmanager:${region}:${account}:secret:${name === anyName ? name : `${name}-??????`}`;
}
