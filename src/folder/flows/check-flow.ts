import { type Capability, lacking } from '../../adapters/identity/capabilities.ts';
import { servedHint } from '../service/check-environment.ts';
import { adapterOf, apiRulesOf, attributionOf, isWhole, servesVault, type Environment } from '../service/settings.ts';
import { evaluate } from '../../language/evaluate.ts';
import { givenIn, outputValues, presentedStep, type Flow, type Step } from './flow.ts';
import { lookAt, staticScope } from './static-input.ts';
import { suggest } from '../../language/nearest-name.ts';
import type { Report } from '../../language/problems.ts';
import { resolve } from './scope.ts';
import type { Connected } from '../../steps/contract.ts';
import { connectionKinds, type ConnectionKind } from '../../language/forms.ts';
import { expressionsOf, valuesIn, type ObjectValue, type Value } from '../../language/compiled-values.ts';

/** Checks a flow against one environment without touching anything. */
export function checkFlow(flow: Flow, environment: Environment, report: Report, warn: Report): void {
  for (const step of flow.steps) checkStep(flow, step, environment, report, warn);
  if (!environment.laptop) {
    const known = environment.notify;
    for (const { channel, range } of flow.notify)
      if (!known.has(channel))
        report(range, `unknown channel "${channel}"`, suggest(channel, known.keys()) ?? 'write it under notify: in service.yaml');
  }
  const entries = outputValues(flow);
  const scope = staticScope(flow, environment, flow.steps.length);
  for (const value of entries) {
    if (value.as === 'whole') checkShown(flow, value, environment, report);
    else evaluate(value, { report, resolve: (expression) => resolve(expression, scope) });
  }
}

function checkStep(flow: Flow, step: Step, environment: Environment, report: Report, warn: Report): void {
  const { kind } = step;
  if (kind === undefined) return;
  let wrong = false;
  /** by kind, and by the key that names each */
  const connections = new Map<ConnectionKind, Map<string, string>>(connectionKinds.map((each) => [each, new Map()]));
  const nameAt = (of: ConnectionKind, key: string) => connections.get(of)?.get(key) ?? '';
  const connected: Connected = {
    rulesOf: (key) => adapterOf(environment, 'stores', nameAt('stores', key))?.rules,
    attributionOf: (key) => attributionOf(environment, nameAt('issuers', key)),
    apiOf: (key) => apiRulesOf(environment, nameAt('apis', key)),
    lacking: (key, oneOf) => lackingOf(environment, nameAt('identity-providers', key), oneOf),
    varies: (list, key) => step.with !== undefined && varies(step.with, list, key),
  };
  const sinks = {
    report: (...told: Parameters<Report>) => {
      wrong = true;
      report(...told);
    },
    onReference: (reference: { readonly vault: string }, value: Value) => {
      if (servesVault(environment, reference.vault) || environment.unset.length > 0) return;
      sinks.report(value.range, `no entry of vault: serves the vault "${reference.vault}"`, servedHint(environment));
    },
    onConnection: ({ kind: to, name = '' }: { readonly kind?: ConnectionKind; readonly name?: string }, value: Value) => {
      if (to !== undefined) connections.get(to)?.set(value.key, name);
      const needs = value.form.kind === 'connection' ? value.form.needs : undefined;
      const trouble = needs === undefined ? undefined : lackingOf(environment, name, needs as readonly Capability[]);
      if (trouble !== undefined) sinks.report(value.range, trouble.problem, trouble.hint);
    },
  };
  for (const { known, value } of lookAt(flow, step, environment, sinks)) {
    if (wrong || !step.sound) continue;
    for (const { key, problem, hint, warning } of kind.check?.(known, givenIn(value), connected) ?? []) {
      const named = problem.startsWith(`"${key}"`) ? problem : `"${key}": ${problem}`;
      (warning === true ? warn : report)(placeOf(value, key) ?? step.range, named, hint);
    }
  }
  if (environment.laptop || environment.unset.length > 0 || environment.key.length > 0) return;
  for (const need of kind.needs ?? []) {
    const stores = [...(connections.get('stores')?.values() ?? [])];
    const own = need === 'fingerprint-key' && stores.every((name) => hasOwnKey(environment, name));
    if (own) continue;
    const hint = 'add key: op://… to it in service.yaml: the root of our own keys';
    report(step.range, `"${kind.name}" needs the environment's key`, hint);
  }
}

/** Why an identity provider of the environment has none of these capabilities, with its name. */
function lackingOf(environment: Environment, name = '', oneOf: readonly Capability[]): ReturnType<Connected['lacking']> {
  const adapter = adapterOf(environment, 'identity-providers', name);
  const settings = environment.connections['identity-providers'].get(name);
  if (adapter === undefined || (settings === undefined ? !environment.laptop : !isWhole(adapter, settings)))
    return undefined;
  const trouble = lacking(adapter, settings, oneOf, environment.adapters['identity-providers'].values());
  return trouble === undefined ? undefined : { ...trouble, problem: `"${name}" ${trouble.problem}` };
}

/** Whether an input of the flow, or the output of a step, is in this key of an entry of a list. */
function varies(value: ObjectValue, list: string, key: string): boolean {
  const holds = ({ key: at }: Value) => at === list || (at.startsWith(`${list}[`) && at.endsWith(`].${key}`));
  return [...valuesIn(value)]
    .filter((each) => holds(each) && each.as !== 'list')
    .some((each) => [...expressionsOf(each)].some(({ path }) => path[0] === 'inputs' || path[0] === 'steps'));
}

function hasOwnKey(environment: Environment, store: string): boolean {
  return environment.connections.stores.get(store)?.['fingerprint-key'] !== undefined;
}

/** A whole expression of the answer may be of any type that can be shown. */
function checkShown(
  flow: Flow,
  value: Value & { readonly as: 'whole' },
  environment: Environment,
  report: Report,
): void {
  if (presentedStep(flow, value) !== undefined) return;
  const { expression } = value;
  const scope = staticScope(flow, environment, flow.steps.length);
  const resolved = resolve(expression, scope);
  if ('problem' in resolved) {
    const whole = flow.output?.kind === 'scalar' ? flow.steps.find(({ id }) => id === expression.path[1]) : undefined;
    const several = whole?.kind !== undefined && whole.kind.scalar === undefined && expression.path.length === 2;
    if (!several || Object.keys(whole.kind.output).length === 0)
      report(expression.range, resolved.problem, resolved.hint);
  } else if (resolved.type === 'connection') {
    report(expression.range, `"${expression.text}" is a connection`, `choose a field: ${expression.text}.url`);
  }
}

/** The place of `secrets[0].name` in the file, or of the nearest key around it. */
function placeOf(value: Value, key: string): Value['range'] | undefined {
  for (let wanted = key; wanted !== ''; wanted = wanted.replace(/(?:^|\.)[^.[\]]+$|\[\d+\]$/, '')) {
    const found = find(value, wanted);
    if (found !== undefined) return found.range;
    if (!/[.[]/.test(wanted)) return undefined;
  }
  return undefined;
}

function find(value: Value, key: string): Value | undefined {
  if (value.key === key) return value;
  const inner =
    value.as === 'list'
      ? value.items
      : value.as === 'mapping'
        ? value.entries.map(([, each]) => each)
        : value.as === 'object'
          ? [...value.entries.values()]
          : [];
  for (const each of inner) {
    const found = find(each, key);
    if (found !== undefined) return found;
  }
  return undefined;
}
