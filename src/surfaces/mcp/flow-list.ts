import { z } from 'zod';
import { BrokerError } from '../../client/broker-error.ts';
import { paths } from '../../foundation/wire.ts';
import type { Door } from './broker-door.ts';

const listed = z.object({
  flows: z.array(
    z.object({
      name: z.string(),
      description: z.string(),
      effect: z.enum(['none', 'write']),
      breakGlass: z.boolean().optional(),
      tool: z.boolean().optional(),
      inputs: z.looseObject({ properties: z.record(z.string(), z.record(z.string(), z.unknown())) }),
    }),
  ),
});

/** A flow as the broker tells an agent of it. */
export type ListedFlow = z.infer<typeof listed>['flows'][number];

/** milliseconds for which a list is taken to be as it was: what is asked for is decided by the broker all the same */
const freshFor = 10_000;
/** milliseconds: a broker may have to begin first */
const patience = 60_000;
const known = new WeakMap<Door, { readonly flows: Promise<readonly ListedFlow[]>; readonly asked: number }>();

/**
 * The flows of this agent. Those for break-glass do not exist here, whatever policy says: a model is no emergency.
 * @throws BrokerError
 */
export function flowsAt(door: Door): Promise<readonly ListedFlow[]> {
  const before = known.get(door);
  if (before !== undefined && performance.now() - before.asked < freshFor) return before.flows;
  const flows = listOf(door);
  known.set(door, { flows, asked: performance.now() });
  flows.catch(() => known.delete(door));
  return flows;
}

async function listOf(door: Door): Promise<readonly ListedFlow[]> {
  // others may wait for the same list
  const signal = AbortSignal.timeout(patience);
  const found = listed.safeParse(await door.ask({ method: 'GET', path: paths.flows, looks: true, signal }));
  if (!found.success) throw new BrokerError('protocol', { detail: 'the list of flows is not as it should be' });
  return found.data.flows.filter(({ breakGlass }) => breakGlass !== true);
}

/** One of them. @throws BrokerError not-allowed, the same for all that is not there */
export async function flowAt(door: Door, name: string): Promise<ListedFlow> {
  const found = (await flowsAt(door)).find((flow) => flow.name === name);
  if (found === undefined) throw new BrokerError('not-allowed', { names: [name] });
  return found;
}
