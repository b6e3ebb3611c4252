import type { AuditEvent } from './contract.ts';

export interface FloodOptions {
  /** resolves when the event is on disk */
  readonly record: (event: AuditEvent) => Promise<void>;
  /** milliseconds of a clock that nobody sets */
  readonly monotonic: () => number;
  /** milliseconds for which a flood is gathered into one line, default 1,000 */
  readonly gather?: number;
  /** runs `work` after some milliseconds; default: a timer */
  readonly after?: (milliseconds: number, work: () => void) => unknown;
}

/**
 * Puts a refusal on the trail: by itself, or with others like it.
 * @returns the request id under which it is there; undefined where too many wait already, and it is not
 */
export type RecordFlood = (event: AuditEvent) => Promise<string | undefined>;

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
 * Records what costs its sender nothing. The first hundred of an agent have a line of their own; a flood of them has one
 * line a second that counts them, and their answers wait for it. So nobody fills the disk, and no refusal leaves before
 * it is on the trail.
 */
export function createFloods(options: FloodOptions): RecordFlood {
  const { record, monotonic, gather = 1_000 } = options;
  const { after = (milliseconds, work) => setTimeout(work, milliseconds) } = options;
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
      return event.request;
    }
    bucket.gathering ??= start(bucket, event);
    const { gathering } = bucket;
    if (gathering.count >= mostWaiting) return undefined;
    gathering.count += 1;
    await gathering.recorded;
    return gathering.id;
  };
}
