import type { AuditEvent, AuditTrail } from '../../audit/contract.ts';
import { createFloods, type FloodOptions } from '../../audit/refusal-floods.ts';
import { BrokerRefusal } from '../../broker/refusal.ts';
import type { ProblemCode } from '../../foundation/wire.ts';
import { EdgeRefusal } from './edge-refusal.ts';

export interface RecordOptions extends Omit<FloodOptions, 'record'> {
  readonly trail: Pick<AuditTrail, 'record'>;
}

/** What the server refuses by itself is on the trail before the answer leaves, under the request id that it is thrown with. */
export type RecordRefusal = (
  event: AuditEvent & { readonly code: ProblemCode },
  retryAfter?: number,
) => Promise<RecordedRefusal>;

/** A refusal that is on the trail already, under the request id that its answer bears. */
export class RecordedRefusal extends Error {
  override readonly name = 'RecordedRefusal';
  readonly code: ProblemCode;
  readonly id: string;
  /** seconds */
  readonly retryAfter?: number;

  constructor(code: ProblemCode, id: string, retryAfter?: number) {
    super(code);
    this.code = code;
    this.id = id;
    // a header of whole seconds
    if (retryAfter !== undefined) this.retryAfter = Math.max(1, Math.ceil(retryAfter));
  }
}

/**
 * Records what is refused before the broker is asked: bad credentials, which anyone can send who reaches the server, and
 * the malformed requests of an agent.
 * @returns rejects with EdgeRefusal overloaded where too many wait already, BrokerRefusal audit-unavailable
 */
export function createRecordRefusal({ trail, ...options }: RecordOptions): RecordRefusal {
  const record = createFloods({
    ...options,
    record: (event) =>
      trail.record(event).catch((cause: unknown) => {
        throw new BrokerRefusal('audit-unavailable', { cause });
      }),
  });
  return async (event, retryAfter) => {
    const id = await record(event);
    if (id === undefined) throw new EdgeRefusal('overloaded');
    return new RecordedRefusal(event.code, id, retryAfter);
  };
}
