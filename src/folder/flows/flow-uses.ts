import type { Environment } from '../service/settings.ts';
import { Reference } from '../../foundation/reference.ts';
import { evaluate } from '../../language/evaluate.ts';
import type { Expression } from '../../language/expressions.ts';
import { resolve } from './scope.ts';
import type { Resolved } from '../../language/expression-types.ts';
import type { Flow } from './flow.ts';
import type { StepKind } from '../../steps/contract.ts';
import type { ConnectionKind, ReferenceTarget } from '../../language/forms.ts';
import { lookAt, staticScope } from './static-input.ts';
import type { ReferenceValue } from '../../language/compiled-values.ts';

/** What a flow touches in one environment, told without running anything. */
export interface Uses {
  readonly references: readonly ReferenceUse[];
  /** names of vaults that its steps write to, where they are known */
  readonly vaultsWritten: readonly string[];
  readonly connections: readonly ConnectionUse[];
  readonly steps: readonly StepUse[];
}

export interface ReferenceUse {
  readonly reference: Reference;
  readonly target: ReferenceTarget;
  readonly step: string;
  /** the key that holds it: `client-secret`; of an output, its name */
  readonly key: string;
  /** the step kind; empty for an output, as is its step */
  readonly kind: string;
  /** `file:line:column` */
  readonly location: string;
  /** `shown`: it stands in the output, and `flows exec` alone reads it */
  readonly access: 'read' | 'write' | 'shown';
}

export interface ConnectionUse {
  readonly kind: ConnectionKind;
  readonly name: string;
  readonly step: string;
}

export interface StepUse {
  readonly id: string;
  readonly kind: StepKind;
  /**
   * What is known of its input without running: literals, variables, one entry for each choice of enum inputs; what is
   * not known is absent, at any depth. A connection stands as `{ connection: 'issuers', name: 'main' }`.
   */
  readonly input: Readonly<Record<string, unknown>>;
  readonly location: string;
}

export interface ConnectionName {
  readonly connection: ConnectionKind;
  readonly name: string;
}

export function usesOf(flow: Flow, environment: Environment): Uses {
  const references = new Map<string, ReferenceUse>();
  const connections = new Map<string, ConnectionUse>();
  const vaultsWritten = new Set<string>();
  const steps: StepUse[] = [];
  for (const step of flow.steps) {
    const { kind, id } = step;
    if (kind === undefined) continue;
    const seen: (readonly [Reference, ReferenceValue])[] = [];
    const named = new Map<string, ConnectionName>();
    const sinks = {
      partial: true,
      report: () => undefined,
      onReference: (reference: Reference, value: ReferenceValue) => seen.push([reference, value]),
      onConnection: (found: Resolved, value: { readonly key: string }) => {
        if (found.kind === undefined || found.name === undefined) return;
        named.set(value.key, { connection: found.kind, name: found.name });
        connections.set(`${found.kind}.${found.name}.${id}`, { kind: found.kind, name: found.name, step: id });
      },
    };
    for (const { known } of lookAt(flow, step, environment, sinks)) {
      const written = kind.writes?.(known) ?? [];
      for (const vault of written) vaultsWritten.add(vault);
      steps.push({
        id,
        kind,
        input: { ...known, ...Object.fromEntries(named) },
        location: flow.source.location(step.range),
      });
      for (const [reference, value] of seen.splice(0)) {
        const changed = value.to === 'item' && kind.effect === 'write' && written.includes(reference.vault);
        references.set(`${id} ${value.key} ${reference.toString()}`, {
          reference,
          target: value.to === 'any' ? 'field' : value.to,
          step: id,
          key: value.key,
          kind: kind.name,
          location: flow.source.location(value.range),
          access: changed ? 'write' : 'read',
        });
      }
    }
  }
  for (const use of shownIn(flow, environment)) {
    // what its own steps make is not there before
    if (!vaultsWritten.has(use.reference.vault)) references.set(`output ${use.key}`, use);
  }
  return {
    references: [...references.values()],
    vaultsWritten: [...vaultsWritten],
    connections: [...connections.values()],
    steps,
  };
}

/** The references to fields in a flow's output, as far as they are known. */
function shownIn(flow: Flow, environment: Environment): readonly ReferenceUse[] {
  const scope = staticScope(flow, environment, flow.steps.length);
  const entries = flow.output?.kind === 'mapping' ? flow.output.entries : [];
  return entries.flatMap(([key, value]): ReferenceUse[] => {
    if (value.as !== 'reference') return [];
    const options = { report: () => undefined, resolve: (expression: Expression) => resolve(expression, scope) };
    const reference = evaluate(value, options);
    if (!(reference instanceof Reference) || reference.field === undefined) return [];
    const location = flow.source.location(value.range);
    return [{ reference, target: 'field', step: '', key, kind: '', location, access: 'shown' }];
  });
}
