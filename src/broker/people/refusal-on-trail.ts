import type { AuditEvent } from '../../audit/contract.ts';
import { refusalOf } from '../refusal.ts';

/**
 * Work of a person whose refusal is on the trail before it leaves.
 * @param event what the refusal is told as
 * @param work puts into `known` what the trail is to have besides, as soon as it is known
 * @throws BrokerRefusal
 */
export async function refusedOnTrail<T>(
  record: (event: AuditEvent) => Promise<void>,
  event: Omit<AuditEvent, 'outcome'>,
  work: (known: Partial<AuditEvent>) => Promise<T>,
): Promise<T> {
  const known: Partial<AuditEvent> = {};
  try {
    return await work(known);
  } catch (error) {
    const refusal = refusalOf(error);
    const { outcome, code } = refusal;
    if (code !== 'audit-unavailable') await record({ ...event, ...refusal.truth(), ...known, outcome, code });
    throw refusal;
  }
}
