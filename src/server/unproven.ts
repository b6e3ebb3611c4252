import type { AuditEvent, AuditTrail } from '../audit/contract.ts';
import { EdgeRefusal } from './problem.ts';
import type { RecordUnproven } from './prove.ts';

export interface UnprovenOptions {
  readonly trail: Pick<AuditTrail, 'record'>;
  /** milliseconds of a clock that nobody sets */
  readonly monotonic: () => number;
  /** runs `work` after some milliseconds; default: a timer */
  readonly after?: (milliseconds: number, work: () => void) => void;
}

/** events of their own before they are counted together, and how fast that many come back (a second) */
const burst = 100;
const perSecond = 10;
/** milliseconds that a count is gathered */
const gather = 1_000;
/** answers that wait for one event */
const mostWaiting = 256;

interface Gathering {
  readonly first: AuditEvent;
  count: number;
  readonly recorded: Promise<string>;
}

/**
 * Records refused credentials, which anyone who reaches the server can send: the first hundred each in a line of its
 * own, a flood of them as one line a second that counts them. Their answers wait for that line, and bear its request id:
 * nobody fills the disk, and no refusal leaves before it is on the trail.
 * @returns rejects with EdgeRefusal overloaded where too many wait already
 */
export function recordUnproven(options: UnprovenOptions): RecordUnproven {
  const { trail, monotonic, after = (milliseconds, work) => void setTimeout(work, milliseconds) } = options;
  let left = burst;
  let at = monotonic();
  let gathering: Gathering | undefined;

  const isFree = (): boolean => {
    const now = monotonic();
    left = Math.min(burst, left + ((now - at) / 1_000) * perSecond);
    at = now;
    if (left < 1) return false;
    left -= 1;
    return true;
  };

  const start = (first: AuditEvent): Gathering => {
    const recorded = new Promise<string>((resolve, reject) => {
      after(gather, () => {
        const { count } = mine;
        if (gathering === mine) gathering = undefined;
        const detail = count === 1 ? first.detail : `${count} credentials were refused within a second`;
        trail.record({ ...first, detail }).then(() => resolve(first.request), reject);
      });
    });
    const mine: Gathering = { first, count: 0, recorded };
    return mine;
  };

  return async (event) => {
    if (gathering === undefined && isFree()) {
      await trail.record(event);
      return event.request;
    }
    gathering ??= start(event);
    if (gathering.count >= mostWaiting) throw new EdgeRefusal('overloaded');
    gathering.count += 1;
    return gathering.recorded;
  };
}
