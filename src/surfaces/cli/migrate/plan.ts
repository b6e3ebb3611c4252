import { writeFileSync } from 'node:fs';
import type { App } from '../../../app/open-app.ts';
import {
  type MigrationPlan,
  migrationText,
  planMigration,
  secretLines,
} from '../../../app/migration/plan-migration.ts';
import { type Migration, migrationFile } from '../../../app/migration/migration-file.ts';
import { widerPaths } from '../../../app/migration/shared-vaults.ts';
import { parseRule } from '../../../app/migration/target-rules.ts';
import { endings, FlowError, someOf } from '../../../foundation/errors.ts';
import { safeLine } from '../../../foundation/safe-line.ts';
import { type Arguments, commonArguments, textOf } from '../arguments.ts';
import type { Invocation } from '../invocation.ts';
import { columns, type Terminal } from '../terminal.ts';
import { withApp } from '../with-app.ts';
import { planOptions } from './facts.ts';
import { fileOf, migrationOf, openSource } from './open-source.ts';
import { auditedReads, tellForeign } from './readers.ts';

/** `flows migrate vault plan`: walks Vault, reads no value, and proposes what nobody has decided on yet. */
export async function plan(invocation: Invocation): Promise<number> {
  const { argv, terminal } = invocation;
  const given = commonArguments(argv, planOptions, Infinity);
  const { values, lists, positionals } = given;
  const rules = (lists['rule'] ?? []).map(parseRule);
  const into = textOf(values, 'into');
  return withApp(invocation, async (app) => {
    const before = migrationOf(app, invocation);
    const from = before?.from ?? sourceOf(values);
    if (before === undefined && rules.length === 0 && into === undefined) {
      throw new FlowError('usage', 'it is not said where the secrets go', {
        hint: 'give --into VAULT, or --rule PATH=op://VAULT/ITEM, once or more',
      });
    }
    const source = await openSource(app, from, invocation);
    const progress = (message: string) => terminal.note(message, 'dim');
    const found = await planMigration({ source, rules, into, before, progress });
    tell(found, terminal);
    if (positionals.length > 3) await tellWider(given, found, before, terminal);
    if (before === undefined) write(app, migrationText({ ...from, token: tokenVariable }, found.proposed), terminal);
    else if (found.proposed.length > 0) terminal.out(secretLines(found.proposed));
    const open = before === undefined ? 0 : found.proposed.length;
    return open + found.homeless.length + found.denied.length > 0 ? endings['would-change'].exit : 0;
  });
}

/** as Vault's own tools have it */
const tokenVariable = 'VAULT_TOKEN';

function sourceOf(values: Readonly<Record<string, string | boolean>>) {
  const { env } = process;
  const given = (name: string, variable: string) => {
    const value = values[name] ?? env[variable];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const url = given('url', 'VAULT_ADDR');
  if (url !== undefined)
    return { url, token: { env: tokenVariable }, namespace: given('namespace', 'VAULT_NAMESPACE') };
  throw new FlowError('usage', 'the address of Vault is missing', { hint: 'give --url, or set VAULT_ADDR' });
}

function write(app: App, text: string, terminal: Terminal): void {
  try {
    // never over one that somebody has changed
    writeFileSync(fileOf(app), text, { flag: 'wx' });
  } catch (cause) {
    throw new FlowError('unavailable', `${migrationFile} cannot be written`, {
      cause,
      hint: 'see the folder of flows',
    });
  }
  terminal.tell('done', `${fileOf(app)}: read it, change it, then \`flows migrate vault run\``);
}

/** Which paths would be for more people than read them in Vault: that is changed by another vault, before anything moves. */
async function tellWider(
  given: Arguments,
  { proposed }: MigrationPlan,
  before: Migration | undefined,
  terminal: Terminal,
): Promise<void> {
  const decided = (before?.secrets ?? []).flatMap(({ path, to }) => (to === undefined ? [] : [{ path, to }]));
  const targets = [...decided, ...proposed].map(({ path, to }) => ({ path, vault: to.vault }));
  const { readers: reads, foreign } = await auditedReads(given, targets);
  tellForeign(foreign, terminal);
  const wider = widerPaths(targets, reads);
  const read = new Set(reads.map(({ path }) => path));
  const unread = targets.filter(({ path }) => !read.has(path)).length;
  terminal.note(
    `${wider.length} of ${targets.length} paths land beside those of other readers, ${unread} were read by nobody`,
  );
  if (wider.length === 0) return;
  terminal.tell('warning', 'in 1Password whoever reads a vault reads all of it; give these a vault of their own:');
  const rows = wider.map(({ path, vault, readers, others }) => [
    safeLine(path),
    safeLine(`vault "${vault}"`),
    safeLine(`read by ${readers.join(', ')}`),
    safeLine(`would be for ${others.join(', ')} too`),
  ]);
  for (const line of columns(rows, 60).trimEnd().split('\n')) terminal.note(line);
}

/** What people have to know of it, in a few lines. */
function tell(plan: MigrationPlan, terminal: Terminal): void {
  const { mounts, proposed, known } = plan;
  const vaults = Map.groupBy(proposed, ({ to }) => to.vault);
  if (known > 0) terminal.note(`${known} secrets are decided on, and there`);
  for (const [vault, all] of vaults) terminal.note(`${all.length} secrets are proposed for the vault "${vault}"`);
  const some = (what: string, names: readonly string[]) => {
    if (names.length > 0) terminal.tell('warning', `${names.length} ${what}: ${someOf(names)}`);
  };
  some('paths that no --rule fits', plan.homeless);
  some('paths that the token may not see', plan.denied);
  some('paths of migration.yaml that Vault does not have', plan.gone);
  some('paths whose newest version is deleted, and which are left out', plan.deleted);
  some(
    'mounts that do not move, for they are no KV',
    mounts.others.map(({ path, type }) => `${path} (${type})`),
  );
  const unknown = proposed.filter(({ keys }) => keys === undefined);
  some(
    'secrets of KV v1, whose keys are seen when they are moved',
    unknown.map(({ path }) => path),
  );
}
