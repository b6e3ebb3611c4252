import { adapterOf, plainFields, plainOf, variable, type Environment, type Plain } from '../service/settings.ts';
import type { Resolved, Unresolved } from '../../language/expression-types.ts';
import { foreignRootHint, type Expression } from '../../language/expressions.ts';
import type { Flow, Step } from './flow.ts';
import { connectionKinds, type ConnectionKind } from '../../language/forms.ts';
import { suggest } from '../../language/nearest-name.ts';
import { propertyOf } from '../../steps/contract.ts';
import { later } from '../../language/compiled-values.ts';

/** What expressions of one step may name, and what of it is known. */
export interface Scope {
  readonly flow: Pick<Flow, 'inputs' | 'steps'>;
  readonly environment: Environment;
  /** expressions of the step with this place name only the steps before it; the output names all */
  readonly before: number;
  /** at check: those that are assumed; in a run: all */
  readonly inputs: ReadonlyMap<string, Plain>;
  /** of the steps that have run, by id */
  readonly outputs: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
  readonly connection?: (kind: ConnectionKind, name: string) => unknown;
  readonly plain?: (kind: ConnectionKind, name: string) => Readonly<Record<string, Plain>>;
}

type Lookup = (rest: readonly string[], scope: Scope, expression: Expression) => Resolved | Unresolved;

const roots: ReadonlyMap<string, Lookup> = new Map<string, Lookup>([
  ['inputs', inputOf],
  ['vars', varOf],
  ...connectionKinds.map((kind): [string, Lookup] => [kind, (rest, scope) => connectionOf(kind, rest, scope)]),
  ['steps', stepOf],
  [
    'env',
    () => ({ problem: '${{ env.… }} is for service.yaml alone', hint: 'make it a variable there: ${{ vars.NAME }}' }),
  ],
]);

/** What an expression of a flow stands for. Never throws. */
export function resolve(expression: Expression, scope: Scope): Resolved | Unresolved {
  const [root = '', ...rest] = expression.path;
  const lookup = roots.get(root);
  if (lookup !== undefined) return lookup(rest, scope, expression);
  const known = [...roots.keys()].filter((name) => name !== 'env');
  const hint = foreignRootHint(expression) ?? suggest(root, known) ?? `one of: ${known.join(', ')}`;
  return { problem: `"${expression.text}" begins with no known word`, hint };
}

function inputOf([name, ...more]: readonly string[], { flow, inputs }: Scope): Resolved | Unresolved {
  if (name === undefined) return { problem: 'an input is named: ${{ inputs.NAME }}' };
  const names = flow.inputs.map((input) => input.name);
  const input = flow.inputs.find((each) => each.name === name);
  if (input === undefined) return unknown('input', name, names, 'declare it under inputs:');
  if (more.length > 0) return { problem: `input "${name}" has nothing inside`, hint: `write \${{ inputs.${name} }}` };
  const value = inputs.has(name) ? inputs.get(name) : later;
  if (input.type === 'enum') return { type: 'text', value, choices: input.values ?? [], reviewed: true };
  return { type: input.type === 'string' ? 'text' : input.type, value };
}

function varOf([name, ...more]: readonly string[], { environment }: Scope): Resolved | Unresolved {
  if (name === undefined) return { problem: 'a variable is named: ${{ vars.NAME }}' };
  const value = variable(environment, name);
  if (value === undefined) {
    if (environment.unset.length > 0) return { type: 'any', value: later };
    return unknown('variable', name, environment.vars.keys(), 'declare it under vars: in service.yaml');
  }
  if (more.length > 0) return { problem: `variable "${name}" has nothing inside`, hint: `write \${{ vars.${name} }}` };
  return {
    type: typeof value === 'string' ? 'text' : typeof value === 'number' ? 'number' : 'boolean',
    value,
    reviewed: true,
  };
}

function connectionOf(
  kind: ConnectionKind,
  [name, field, ...more]: readonly string[],
  scope: Scope,
): Resolved | Unresolved {
  const { environment } = scope;
  if (name === undefined) return { problem: `one of ${kind} is named: \${{ ${kind}.NAME }}` };
  const connections = environment.connections[kind];
  const names = connections.keys();
  if (!environment.laptop && !connections.has(name)) {
    return unknown(`name among ${kind}:`, name, names, `declare it under ${kind}: in service.yaml`);
  }
  if (field === undefined) {
    const value = scope.connection === undefined ? later : scope.connection(kind, name);
    return { type: 'connection', value, kind, name };
  }
  const fields = plainFields(environment, kind, name);
  if (!fields.includes(field) || more.length > 0) {
    return unknown(`field of ${kind}`, [field, ...more].join('.'), fields, `fields: ${fields.join(', ')}`);
  }
  if (scope.plain === undefined && environment.laptop) return { type: 'text', value: later, reviewed: true };
  const value = (scope.plain?.(kind, name) ?? writtenPlain(environment, kind, name))[field];
  if (value === undefined && environment.unset.length > 0) return { type: 'any', value: later };
  if (value === undefined)
    return { problem: `${kind}.${name} has no "${field}"`, hint: `add ${field}: to it in service.yaml` };
  return { type: 'text', value: String(value), reviewed: true };
}

function writtenPlain(environment: Environment, kind: ConnectionKind, name: string): Readonly<Record<string, Plain>> {
  const adapter = adapterOf(environment, kind, name);
  const settings = environment.connections[kind].get(name);
  return adapter === undefined || settings === undefined ? {} : plainOf(adapter, settings);
}

function stepOf([id, field, ...more]: readonly string[], scope: Scope, expression: Expression): Resolved | Unresolved {
  const { steps } = scope.flow;
  if (id === undefined) return { problem: 'a step is named: ${{ steps.ID }}' };
  const step = steps.find((each) => each.id === id);
  const earlier = steps.filter(({ index }) => index < scope.before).map((each) => each.id);
  // a step whose id is missing was told of: this may be its name
  if (step === undefined && steps.some((each) => each.id === '')) return { type: 'any', value: later };
  if (step === undefined) return unknown('step', id, earlier, 'name a step that stands above');
  if (step.index === scope.before)
    return { problem: `step "${id}" takes its own output`, hint: 'a step takes the output of earlier ones' };
  if (step.index > scope.before) return { problem: `step "${id}" comes later`, hint: 'put it above this one' };
  return fieldOf(step, field, more, scope, expression);
}

function fieldOf(
  step: Step,
  given: string | undefined,
  more: readonly string[],
  scope: Scope,
  expression: Expression,
): Resolved | Unresolved {
  const { kind, id } = step;
  if (kind === undefined) return { type: 'any', value: later };
  const fields = Object.keys(kind.output);
  const name = given ?? kind.scalar;
  if (name === undefined) {
    const [first] = fields;
    if (first === undefined) return { problem: `step "${id}" (${kind.name}) gives nothing` };
    return {
      problem: `step "${id}" gives several values`,
      hint: `choose one: ${fields.map((each) => `steps.${id}.${each}`).join(', ')}`,
    };
  }
  if (name === 'outputs' && more[0] !== undefined) {
    return { problem: `"${expression.text}" is not our form`, hint: `write \${{ steps.${[id, ...more].join('.')} }}` };
  }
  const field = Object.hasOwn(kind.output, name) ? kind.output[name] : undefined;
  if (field === undefined)
    return unknown(`field of step "${id}" (${kind.name})`, name, fields, `fields: ${fields.join(', ')}`);
  const output = scope.outputs.get(id);
  if (more.length > 0 && field.type !== 'json') {
    return { problem: `"${name}" of step "${id}" has nothing inside`, hint: `write \${{ steps.${id}.${name} }}` };
  }
  if (output === undefined) return { type: field.type, value: later };
  let value: unknown = output[propertyOf(name)];
  for (const key of more) {
    value =
      typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
  }
  return { type: field.type, value };
}

function unknown(what: string, name: string, known: Iterable<string>, otherwise: string): Unresolved {
  return { problem: `unknown ${what} "${name}"`, hint: suggest(name, known) ?? otherwise };
}
