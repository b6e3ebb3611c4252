import { compileObject } from '../../language/compile.ts';
import type { ObjectValue } from '../../language/compiled-values.ts';
import { valueAt } from '../../language/compiled-values.ts';
import { evaluate, noExpression } from '../../language/evaluate.ts';
import { form, type InputOf, type Keys, optional, required } from '../../language/forms.ts';
import type { Problem, Source } from '../../language/problems.ts';
import { urlForm } from '../../language/url.ts';
import { type Node, readYaml } from '../../language/yaml.ts';
import { openYaml } from '../../language/yaml-file.ts';
import { FlowError } from '../../foundation/errors.ts';
import { folded } from '../../foundation/names.ts';

/** its name in the folder of flows */
export const migrationFile = 'migration.yaml';

const sourceKeys = {
  url: required(urlForm, 'address of Vault or OpenBao', { example: 'https://vault.example.com:8200' }),
  token: required(form.tokenSource(), 'where a token is that may read all that moves', {
    example: '{ env: VAULT_TOKEN }',
  }),
  namespace: optional(
    form.text({ literal: true }),
    'the namespace that the token is of; those below it are walked too',
  ),
} satisfies Keys;

const secretKeys = {
  path: required(form.text({ literal: true }), 'the path of a secret, with its mount', { example: 'secret/team/app' }),
  to: optional(form.reference('item'), 'the item that it becomes', { example: 'op://Agents/team-app' }),
  keys: optional(
    form.mapping(form.text({ literal: true })),
    'the field that each key becomes; one that is not named keeps its name',
    { example: '{ value: credential }' },
  ),
  skip: optional(form.text(), 'instead of `to`: why it does not move'),
} satisfies Keys;

const migrationKeys = {
  from: required(form.object(sourceKeys), 'what is moved out of'),
  secrets: required(
    form.list(form.object(secretKeys, { exactlyOne: ['to', 'skip'] })),
    'what becomes of each secret: `flows migrate vault plan` proposes it, and people change it',
  ),
} satisfies Keys;

export type MigrationSource = InputOf<typeof sourceKeys>;
export type MovedSecret = InputOf<typeof secretKeys>;

/** migration.yaml, checked. */
export interface Migration {
  readonly from: MigrationSource;
  readonly secrets: readonly MovedSecret[];
}

/** bytes: ten thousand secrets take 1 MB or so */
const largest = 16_000_000;

/**
 * Reads the file.
 * @returns undefined where there is none @throws FlowError invalid, with each problem told by file:line:column
 */
export function readMigration(file: string, onProblems: (problems: readonly Problem[]) => void): Migration | undefined {
  const { exists, source, root, problems } = openYaml(file, (each) => readYaml(each, largest), largest);
  if (!exists) return undefined;
  const migration = root === undefined ? undefined : parse(root, source);
  if (migration !== undefined && problems().length === 0) return migration;
  onProblems(problems());
  throw new FlowError('invalid', `${migrationFile} has problems`, { hint: 'mend them and run it again' });
}

function parse(root: Node, source: Source): Migration | undefined {
  const written = compileObject(root, { kind: 'object', keys: migrationKeys }, { source, what: 'the file', key: '' });
  if (written === undefined || source.problems.length > 0) return undefined;
  const migration = evaluate(written, { resolve: noExpression, report: source.report }) as Migration;
  if (source.problems.length === 0) checkSecrets(migration, written, source);
  return migration;
}

/** Each secret is named once, and becomes an item of its own. */
function checkSecrets({ secrets }: Migration, written: ObjectValue, { report, location }: Source): void {
  const at = valueAt(written, 'secrets');
  const items = at.as === 'list' ? at.items : [];
  const [paths, targets] = [new Map<string, string>(), new Map<string, string>()];
  for (const [index, { path, to, keys = {} }] of secrets.entries()) {
    const item = items[index] ?? at;
    const once = (known: Map<string, string>, name: string, key: string, what: string) => {
      const { range } = valueAt(item, key);
      const before = known.get(name);
      if (before !== undefined) report(range, `${what} a second time`, `it stands at ${before} already`);
      else known.set(name, location(range));
    };
    if (/^\/|\/$|\/\/|^\s*$/.test(path))
      report(valueAt(item, 'path').range, 'a path has no / at its ends, and no two together', 'write secret/team/app');
    once(paths, path, 'path', 'this secret is named');
    if (to !== undefined) once(targets, `${folded(to.vault)}\n${folded(to.item)}`, 'to', 'this item is named');
    const labels = Object.values(keys).map(folded);
    if (new Set(labels).size < labels.length) report(valueAt(item, 'keys').range, 'two keys become one field');
  }
}
