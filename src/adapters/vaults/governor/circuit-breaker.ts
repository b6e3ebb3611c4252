import { type ErrorCode, errorCodes, FlowError } from '../../../foundation/errors.ts';

/** A vault service's failures in a row, and until when it is left alone. Times are epoch milliseconds. */
export interface Circuit {
  readonly failures: number;
  readonly code: ErrorCode;
  readonly last: number;
  /** 0: it is not left alone */
  readonly until: number;
  /** until when the service itself asked to wait, which may be later; 0: it did not */
  readonly asked: number;
}

/** failures in a row, of whatever kind, after which a service is left alone; a used-up quota is told once */
const threshold = 5;
/** milliseconds: the first pause, which doubles, and the longest */
const pauses = {
  quota: { first: 30_000, longest: 600_000 },
  failure: { first: 2_000, longest: 60_000 },
};
/** milliseconds after which a failure is no part of a row any more */
const forgotten = 3_600_000;
/** milliseconds that whoever asks first after a pause has for itself */
const probeTime = 30_000;

/** Failures of the service or the token; those about one vault or item say that the service works. */
const counted: ReadonlySet<ErrorCode> = new Set(['rate-limited', 'unavailable', 'timeout', 'protocol', 'denied']);

export function countsAsFailure(code: ErrorCode): boolean {
  return counted.has(code);
}

/** The circuit after one more failure. @param random 0–1: those who wait shall not all come back at once */
export function failed(
  before: Circuit | undefined,
  { code, retryAfter }: Pick<FlowError, 'code' | 'retryAfter'>,
  now: number,
  random: number,
): Circuit {
  const inRow = before !== undefined && Math.abs(now - before.last) < forgotten;
  const failures = (inRow ? before.failures : 0) + 1;
  if (code === 'rate-limited') {
    const { first, longest } = pauses.quota;
    const said = (retryAfter ?? 0) * 1000;
    const wait = Math.min(said > 0 ? said : first * 2 ** Math.min(failures - 1, 10), longest);
    return { failures, code, last: now, until: now + jittered(wait, random), asked: said > 0 ? now + said : 0 };
  }
  const { first, longest } = pauses.failure;
  const wait = failures < threshold ? 0 : Math.min(first * 2 ** Math.min(failures - threshold, 10), longest);
  return { failures, code, last: now, until: wait === 0 ? 0 : now + jittered(wait, random), asked: 0 };
}

/** Never before it is time, and up to a quarter later. */
function jittered(wait: number, random: number): number {
  return Math.round(wait * (1 + random / 4));
}

export function stateOf(circuit: Circuit | undefined, now: number): 'closed' | 'open' | 'half-open' {
  if (circuit === undefined || circuit.until === 0 || Math.abs(now - circuit.last) >= forgotten) return 'closed';
  // a clock that was set back must not make a pause longer
  const left = circuit.until - now;
  return left > 0 && left <= pauses.quota.longest * 2 ? 'open' : 'half-open';
}

/** The one who may ask after a pause keeps the others waiting meanwhile. */
export function probing(circuit: Circuit, now: number): Circuit {
  return { ...circuit, until: now + probeTime };
}

/** What those are told who come during a pause. */
export function leftAlone({ code, failures, until, asked }: Circuit, now: number): FlowError {
  // what the service said first stays true, although it is looked sooner whether it still is
  const retryAfter = Math.max(1, Math.ceil((Math.max(until, asked) - now) / 1000));
  if (code === 'rate-limited') {
    return new FlowError(code, "the quota of the vault's token or account is used up", {
      hint: 'it is left alone meanwhile; a new token does not raise the daily limit of the account',
      retryAfter,
    });
  }
  return new FlowError(code, `the vault failed ${failures} times in a row: ${errorCodes[code].meaning}`, {
    hint: 'it is left alone meanwhile',
    retryAfter,
  });
}
