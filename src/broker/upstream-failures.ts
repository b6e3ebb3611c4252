import type { BrokerClock } from '../foundation/clocks.ts';
import type { ErrorCode, FlowError } from '../foundation/errors.ts';
import type { CauseNotes } from './cause-notes.ts';

/** Why a service did not give what was asked for, as the operator is told it; nothing of it goes to an agent. */
export interface UpstreamFailure {
  /** the request that met it; absent: it was renewed in the background */
  readonly request?: string | undefined;
  readonly agent?: string | undefined;
  /** logical names, a flow, an issuer that is trusted */
  readonly what: readonly string[];
  readonly code: ErrorCode;
  /** the words of the command for the same failure */
  readonly line: string;
  /** failures like it since the one before was told, of which this is the last; absent: it is the first */
  readonly repeated?: number | undefined;
}

export type TellUpstreamFailure = (failure: UpstreamFailure) => void;

export interface UpstreamFailures {
  told(about: Pick<UpstreamFailure, 'request' | 'agent' | 'what'>, error: FlowError): void;
  /** so far, by code */
  readonly counts: () => Readonly<Partial<Record<ErrorCode, number>>>;
}

/** milliseconds for which failures like one that was told are counted only */
const gather = 60_000;
/** kinds of failure that are told apart at once */
const mostKinds = 200;

interface Kind {
  since: number;
  last: UpstreamFailure;
}

/**
 * Tells each failure of a service once, and those like it once a minute, counted. Alike are failures of the same code in
 * the same place for the same names: an issuer's own words differ each time, by a trace id.
 * @param note is given each, with its request
 */
export function createUpstreamFailures(
  tell: TellUpstreamFailure,
  { after }: Pick<BrokerClock, 'after'>,
  note: CauseNotes['note'] = () => undefined,
): UpstreamFailures {
  const kinds = new Map<string, Kind>();
  const counts = new Map<ErrorCode, number>();

  const watch = (key: string, kind: Kind): void => {
    after(gather, () => {
      if (kind.since === 0) {
        kinds.delete(key);
        return;
      }
      tell({ ...kind.last, repeated: kind.since });
      kind.since = 0;
      watch(key, kind);
    });
  };

  return {
    told({ request, agent, what }, error) {
      const { code, place } = error;
      const line = error.line();
      if (request !== undefined) note(request, line);
      counts.set(code, (counts.get(code) ?? 0) + 1);
      const failure = { request, agent, what, code, line };
      const named = JSON.stringify([code, what, place.step, place.subject]);
      // whoever can make up names makes no more lines by it
      const key = kinds.has(named) || kinds.size < mostKinds ? named : code;
      const known = kinds.get(key);
      if (known !== undefined) {
        known.since += 1;
        known.last = failure;
        return;
      }
      const kind = { since: 0, last: failure };
      kinds.set(key, kind);
      watch(key, kind);
      tell(failure);
    },
    counts: () => Object.fromEntries(counts),
  };
}

/** One line for a person. */
export function failureText({ request, agent, what, code, line, repeated }: UpstreamFailure): string {
  const who = agent === undefined ? undefined : `agent "${agent}"`;
  const facts = [request === undefined ? 'renewal' : `request ${request}`, who, what.join(', '), code];
  const again = repeated === undefined ? '' : ` (${repeated} more like it, this one last)`;
  return `${facts.filter((fact) => fact !== undefined && fact !== '').join(', ')}: ${line}${again}`;
}
