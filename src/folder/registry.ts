import { parseDuration } from '../foundation/duration.ts';
import type { InTurns } from '../foundation/in-turns.ts';
import { durationForm } from '../language/duration-form.ts';
import { compileObject } from '../language/compile.ts';
import { evaluate, evaluateKeys } from '../language/evaluate.ts';
import { reportEverywhere } from './report-by-environment.ts';
import type { Expression } from '../language/expressions.ts';
import type { Resolved, Unresolved } from '../language/expression-types.ts';
import { presentedAs, type Flow } from './flows/flow.ts';
import { form, type InputOf, type Keys, optional, required } from '../language/forms.ts';
import type { Folder } from './load-folder.ts';
import { staticScope } from './flows/static-input.ts';
import { suggest } from '../language/nearest-name.ts';
import type { Range, Report, Source } from '../language/problems.ts';
import { resolve } from './flows/scope.ts';
import type { ReferenceUse, Uses } from './flows/flow-uses.ts';
import { valueAt, type ObjectValue, type Value } from '../language/compiled-values.ts';
import type { Node } from '../language/yaml.ts';
import type { Rate } from '../language/rate.ts';
import { parseRate, rateForm } from '../language/rate.ts';
import { Reference } from '../foundation/reference.ts';
import { servedHint } from './service/check-environment.ts';
import { servesVault, type Environment, type Plain } from './service/settings.ts';

/** registry.yaml: the names by which agents ask, and what they stand for. */
export interface Registry {
  readonly secrets: ReadonlyMap<string, RegistrySecret>;
}

export interface RegistrySecret {
  readonly name: string;
  /** where a reference gives it: that reference, by environment */
  readonly references: ReadonlyMap<string, Reference>;
  /** where a flow gives it: the flow's name */
  readonly flow: string | undefined;
  /** seconds that a value may be kept after it was fetched; undefined: the environment's default */
  readonly ttl: number | undefined;
  /** for all agents together */
  readonly rate: Rate | undefined;
  /** seconds after which its value is to be another one, as `flows rotate` tells */
  readonly rotate: number | undefined;
  readonly description: string | undefined;
  readonly owner: string | undefined;
  /** by which Vault's clients ask for it besides its name; undefined: by the name alone */
  readonly vaultPath: VaultPath | undefined;
  /** `file:line:column` */
  readonly location: string;
}

/** Where something was in Vault: in a mount of KV, under a key of its own. */
export interface VaultPath {
  /** `secret/team/app`, as `vault kv get` takes it */
  readonly path: string;
  readonly key: string;
}

/** The key of a secret in Vault that has one value. */
export const usualVaultKey = 'value';

/** A path of a mount that is served, as the CLI writes it: without the `data/` of requests. */
const vaultPath = /^(?!secret\/(?:meta)?data(?:[/#]|$))((?:secret|kv)(?:\/[^/#\p{C}]+)+)(?:#([^#\p{C}]+))?$/u;

const secretName = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;

/** The keys of a secret. */
const secretKeys = {
  reference: optional(form.reference('field'), 'where it is; `${{ vars.NAME }}` may stand in it', {
    example: 'op://Agents/OpenAI/credential',
  }),
  flow: optional(form.text(), 'instead: a flow that writes nothing, needs no input and gives a token or one secret'),
  ttl: optional(durationForm, 'how long the broker may keep the value; else `default-ttl` of the cache', {
    example: '30m',
  }),
  rate: optional(rateForm, 'the most answers, for all agents together', { example: '10/minute' }),
  rotate: optional(durationForm, 'how old its value may get: `flows rotate --due` lists what is older', {
    example: '60d',
  }),
  description: optional(form.text(), 'what it is for'),
  owner: optional(form.text(), 'whom to ask about it'),
  path: optional(
    form.text({
      pattern: vaultPath,
      expects: 'a path under secret/ or kv/ as `vault kv get` takes it, with #KEY where the key is not "value"',
    }),
    "where it was in Vault: by that path, besides its name, Vault's clients get it with `server: { vault-api: {} }`",
    { example: 'secret/team/app#password' },
  ),
} satisfies Keys;

/** The keys of registry.yaml. */
export const registryKeys = {
  secrets: required(
    form.mapping(form.object(secretKeys, { exactlyOne: ['reference', 'flow'] }), { keyPattern: secretName }),
    'the secrets by name: lower-case letters, digits, `_` and `-`, in parts between dots',
    { example: '{ openai.api_key: { reference: op://Agents/OpenAI/credential } }' },
  ),
} satisfies Keys;

export const emptyRegistry: Registry = { secrets: new Map() };

type Context = Pick<Folder, 'settings' | 'flows' | 'broken'>;

/** registry.yaml's content, checked for every environment; what is wrong is reported. */
export function* readRegistry(root: Node, source: Source, context: Context): InTurns<Registry> {
  const place = { source, what: 'registry.yaml', key: '' };
  const written = compileObject(root, { kind: 'object', keys: registryKeys }, place);
  const secrets = written?.entries.get('secrets');
  const found = new Map<string, RegistrySecret>();
  const paths: PathOf[] = [];
  for (const [name, value] of secrets?.as === 'mapping' ? secrets.entries : []) {
    yield;
    if (value.as !== 'object') continue;
    const secret = readSecret(name, value, source, context);
    found.set(name, secret);
    if (secret.vaultPath !== undefined) paths.push({ name, ...secret.vaultPath, range: valueAt(value, 'path').range });
  }
  checkPaths(paths, found, source.report);
  return { secrets: found };
}

function readSecret(name: string, value: ObjectValue, source: Source, context: Context): RegistrySecret {
  const { reference: written, ...others } = Object.fromEntries(value.entries);
  const plain: ObjectValue = { ...value, entries: new Map(Object.entries(others)) };
  const hint = 'write the value';
  const { known } = evaluateKeys(plain, {
    resolve: () => ({ problem: 'an expression may stand in a reference only', hint }),
    report: source.report,
  });
  const found: Partial<InputOf<typeof secretKeys>> = known;
  if (name.length > 128) source.report(value.range, 'a name has at most 128 characters');
  if (found.flow !== undefined && found.rotate !== undefined)
    source.report(valueAt(value, 'rotate').range, 'what a flow gives has no age', 'name the field by reference:');
  if (found.flow !== undefined) checkFlowOf(found.flow, valueAt(value, 'flow'), source.report, context);
  return {
    name,
    references: written === undefined ? new Map() : referencesOf(written, source, context),
    flow: found.flow,
    ttl: parseDuration(found.ttl ?? ''),
    rate: parseRate(found.rate ?? ''),
    rotate: parseDuration(found.rotate ?? ''),
    description: found.description,
    owner: found.owner,
    vaultPath: pathIn(found.path),
    location: source.location(value.range),
  };
}

function pathIn(written: string | undefined): VaultPath | undefined {
  const [, path, key = usualVaultKey] = vaultPath.exec(written ?? '') ?? [];
  return path === undefined ? undefined : { path, key };
}

interface PathOf extends VaultPath {
  readonly name: string;
  readonly range: Range;
}

/** A path says one thing: no key of it stands twice, and it is not what another name says already. */
function checkPaths(paths: readonly PathOf[], secrets: Registry['secrets'], report: Report): void {
  const known = new Map<string, string>();
  for (const { name, path, key, range } of paths) {
    const before = known.get(`${path}#${key}`);
    if (before !== undefined) report(range, `"${before}" has this path and key too`, `add a key: path: ${path}#NAME`);
    known.set(`${path}#${key}`, name);
    const other = path.slice(path.indexOf('/') + 1);
    if (other !== name && secrets.has(other) && secrets.get(other)?.vaultPath?.path !== path)
      report(range, `this is the path of the name "${other}"`, 'every name is a path of its own already');
  }
}

function referencesOf(value: Value, source: Source, { settings }: Context): ReadonlyMap<string, Reference> {
  const references = new Map<string, Reference>();
  reportEverywhere([...settings.environments.values()], source, (environment, reportHere) => {
    const resolve = (expression: Expression) => variableOf(expression, environment);
    const reference = evaluate(value, { resolve, report: reportHere });
    if (!(reference instanceof Reference)) return;
    references.set(environment.name, reference);
    if (/^t?otp$/.test(reference.attribute ?? ''))
      reportHere(value.range, 'a one-time code cannot be kept and leased', 'give it by a flow: uses: totp/code');
    if (environment.unset.length === 0 && !servesVault(environment, reference.vault))
      reportHere(value.range, `no entry of vault: serves the vault "${reference.vault}"`, servedHint(environment));
  });
  return references;
}

function variableOf(expression: Expression, environment: Environment): Resolved | Unresolved {
  if (expression.path[0] === 'vars') return resolve(expression, { ...noFlow, environment });
  return { problem: `"${expression.text}" may not stand in registry.yaml`, hint: 'only ${{ vars.NAME }} does' };
}

const noFlow = {
  flow: { inputs: [], steps: [] },
  before: 0,
  inputs: new Map<string, Plain>(),
  outputs: new Map<string, never>(),
};

function checkFlowOf(name: string, value: Value, report: Report, { flows, broken, settings }: Context): void {
  const flow = flows.get(name);
  if (flow === undefined) {
    if (!broken.has(name)) report(value.range, `unknown flow "${name}"`, suggest(name, flows.keys()));
    return;
  }
  const trouble = unfit(flow, [...settings.environments.values()]);
  if (trouble !== undefined)
    report(value.range, `the flow "${name}" ${trouble}`, 'it must give a token or one secret, by itself');
}

/** Why a flow cannot stand behind a name. */
function unfit(flow: Flow, environments: readonly Environment[]): string | undefined {
  if (flow.effect !== 'none') return 'writes';
  if (flow.inputs.some((input) => input.default === undefined)) return 'takes inputs that have no default';
  if (flow.output?.kind !== 'scalar') return 'gives no single value';
  const { value } = flow.output;
  const presents = presentedAs(flow);
  if (presents === 'token') return undefined;
  if (presents === 'one-time-code') return 'gives a one-time code, which cannot be kept and leased';
  const [environment] = environments;
  if (value.as !== 'whole' || environment === undefined) return 'gives plain text';
  const resolved = resolve(value.expression, staticScope(flow, environment, flow.steps.length));
  return 'type' in resolved && resolved.type !== 'secret' ? 'gives no secret' : undefined;
}

/** What the names of an environment read, told as a flow's uses are. */
export function usesOfRegistry({ secrets }: Registry, environment: Environment): Uses {
  const references = [...secrets.values()].flatMap(({ name, references: found, location }): ReferenceUse[] => {
    const reference = found.get(environment.name);
    if (reference === undefined) return [];
    return [{ reference, target: 'field', step: name, key: 'reference', kind: 'registry', location, access: 'read' }];
  });
  return { references, vaultsWritten: [], connections: [], steps: [] };
}
