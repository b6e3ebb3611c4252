import type { Broker, Caller } from '../../broker/contract.ts';
import { BrokerRefusal } from '../../broker/refusal.ts';

/** Whether policy lets an agent have each of the names, or ask people for it. @throws BrokerRefusal not-allowed */
export async function requireAllowed(
  broker: Pick<Broker, 'access'>,
  caller: Caller,
  names: Iterable<string>,
): Promise<void> {
  for (const name of names) {
    const { allowed, needs } = await broker.access(caller, { kind: 'secret', name });
    if (!allowed && needs === undefined) throw new BrokerRefusal('not-allowed');
  }
}
