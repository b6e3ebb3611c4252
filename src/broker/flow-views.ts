import type { Flow } from '../folder/flows/flow.ts';
import { inputsSchema } from '../folder/flows/input-schema.ts';
import type { RefusalCode } from '../foundation/wire.ts';
import type { Granted } from './audited-answers.ts';
import type { Access, AskedAccess, Caller, FlowView } from './contract.ts';
import type { Permission } from './permission.ts';
import { BrokerRefusal } from './refusal.ts';

/** @param tools names of the flows that are MCP tools of their own */
export function flowView({ name, description, effect, breakGlass, inputs }: Flow, tools: readonly string[]): FlowView {
  return {
    name,
    description,
    effect,
    ...(breakGlass ? { breakGlass } : {}),
    ...(tools.includes(name) ? { tool: true } : {}),
    inputs: inputsSchema(inputs),
  };
}

const needed: Readonly<Partial<Record<RefusalCode, NonNullable<Access['needs']>>>> = {
  'approval-required': 'approval',
  'reason-required': 'reason',
  'run-required': 'run',
};

/** As if it were asked for: what is denied and what does not exist are told alike. @throws BrokerRefusal run-ended */
export function accessOf(
  permission: Pick<Permission, 'flow' | 'secrets'>,
  caller: Caller,
  { kind, name }: AskedAccess,
): Granted<Access> {
  try {
    const { rule } = kind === 'flow' ? permission.flow(caller, name) : permission.secrets(caller, [name]);
    return { value: { allowed: true }, rule };
  } catch (error) {
    if (!(error instanceof BrokerRefusal) || error.code === 'run-ended') throw error;
    const needs = needed[error.code];
    const { rule } = error.truth();
    return { value: { allowed: false, ...(needs === undefined ? {} : { needs }) }, rule, detail: error.code };
  }
}
