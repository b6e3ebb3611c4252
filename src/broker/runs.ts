import type { App } from '../app.ts';
import type { Output, Shown } from '../flow/output.ts';
import { outputJson } from '../flow/output-json.ts';
import type { Granted } from './audited.ts';
import type { BrokerClock } from './clock.ts';
import type { Caller } from './contract.ts';
import { checkedInputs } from './inputs.ts';
import { requireShort } from './life.ts';
import type { Permission } from './permission.ts';
import { BrokerRefusal } from './refusal.ts';
import { createSources } from './sources.ts';

/** Runs a flow that only reads, for an agent. @throws BrokerRefusal */
export async function runFor(
  caller: Caller,
  name: string,
  given: Readonly<Record<string, unknown>>,
  {
    app,
    permission,
    clock,
  }: { readonly app: Pick<App, 'run'>; readonly permission: Permission; readonly clock: BrokerClock },
): Promise<Granted<unknown>> {
  const { flow } = permission.flow(caller, name);
  if (flow.effect !== 'none') throw new BrokerRefusal('write-not-served', { names: [name] });
  const inputs = checkedInputs(flow, given);
  const sources = createSources();
  const output = await app.run(flow, inputs, { onEvent: sources.onEvent });
  // what was taken away while we waited is not given any more
  const { rule, maxTtl } = permission.flow(caller, name);
  const now = clock.now();
  for (const value of valuesOf(output)) {
    if (value.as !== 'token') continue;
    const expiresAt = value.token['expires-at'];
    requireShort(expiresAt === undefined ? Infinity : expiresAt * 1_000 - now, maxTtl, name);
  }
  return { value: outputJson(output, now), rule, source: sources.source() };
}

function valuesOf(output: Output): readonly Shown[] {
  if (output.kind === 'none') return [];
  return output.kind === 'scalar' ? [output.value] : output.entries.map(([, value]) => value);
}
