import type { AuditEvent, AuditTrail } from '../audit/contract.ts';
import { BrokerRefusal } from '../broker/refusal.ts';
import { EdgeRefusal, type ProblemCode } from './problem.ts';

export interface RecordOptions {
  readonly trail: Pick<AuditTrail, 'record'>;
  /** milliseconds of a clock that nobody sets */
  readonly monotonic: () => number;
  /** milliseconds for which a flood is gathered into one line */
  readonly gather: number;
  /** runs `work` after some milliseconds; default: a timer */
  readonly after?: (milliseconds: number, work: () => void) => void;
}

/** What the server refuses by itself is on the trail before the answer leaves, under the request id that it is thrown with. */
export type RecordRefusal = (event: AuditEvent & { readonly code: ProblemCode }) => Promise<RecordedRefusal>;

/** A refusal that is on the trail already, under the request id that its answer bears. */
export class RecordedRefusal extends Error {
  override readonly name = 'RecordedRefusal';
  readonly code: ProblemCode;
  readonly id: string;

  constructor(code: ProblemCode, id: string) {
    super(code);
    this.code = code;
    this.id = id;
  }
}

/** events of their own before they are counted together, and how fast that many come back (a second) */
const burst = 100;
const perSecond = 10;
/** answers that wait for one event */
const mostWaiting = 256;

interface Bucket {
  left: number;
  at: number;
  gathering: Gathering | undefined;
}

interface Gathering {
  readonly id: string;
  count: number;
  readonly recorded: Promise<void>;
}

/**
 * Records what is refused before the broker is asked: bad credentials, which anyone can send who reaches the server, and
 * the malformed requests of an agent. Of each the first hundred have a line of their own; a flood of them has one line a
 * second that counts them, and their answers wait for it. So nobody fills the disk, and no refusal leaves before it is
 * on the trail.
 * @returns rejects with EdgeRefusal overloaded where too many wait already, BrokerRefusal audit-unavailable
 */
export function createRecordRefusal(options: RecordOptions): RecordRefusal {
  const { trail, monotonic, gather, after = (milliseconds, work) => void setTimeout(work, milliseconds) } = options;
  const buckets = new Map<string, Bucket>();

  const bucketOf = (agent: string): Bucket => {
    const bucket = buckets.get(agent) ?? { left: burst, at: monotonic(), gathering: undefined };
    buckets.set(agent, bucket);
    return bucket;
  };

  const isFree = (bucket: Bucket): boolean => {
    const now = monotonic();
    bucket.left = Math.min(burst, bucket.left + ((now - bucket.at) / 1_000) * perSecond);
    bucket.at = now;
    if (bucket.left < 1) return false;
    bucket.left -= 1;
    return true;
  };

  const record = (event: AuditEvent): Promise<void> =>
    trail.record(event).catch((cause: unknown) => {
      throw new BrokerRefusal('audit-unavailable', { cause });
    });

  const start = (bucket: Bucket, first: AuditEvent): Gathering => {
    const recorded = new Promise<void>((resolve, reject) => {
      after(gather, () => {
        const { count } = mine;
        bucket.gathering = undefined;
        const detail = count === 1 ? first.detail : `${count} requests were refused at about this time, this one first`;
        record({ ...first, detail }).then(resolve, reject);
      });
    });
    const mine: Gathering = { id: first.request, count: 0, recorded };
    return mine;
  };

  return async (event) => {
    const bucket = bucketOf(event.agent);
    if (bucket.gathering === undefined && isFree(bucket)) {
      await record(event);
      return new RecordedRefusal(event.code, event.request);
    }
    bucket.gathering ??= start(bucket, event);
    const { gathering } = bucket;
    if (gathering.count >= mostWaiting) throw new EdgeRefusal('overloaded');
    gathering.count += 1;
    await gathering.recorded;
    return new RecordedRefusal(event.code, gathering.id);
  };
}
