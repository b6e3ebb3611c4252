import type { AuditEvent } from '../audit/contract.ts';
import type { RunEvent } from '../engine/run-flow.ts';

/** Where a run's answer came from, as its steps tell. */
export interface Sources {
  readonly onEvent: (event: RunEvent) => void;
  readonly source: () => AuditEvent['source'];
  /** of every token that a step got, also one that another step used up */
  readonly jti: () => AuditEvent['jti'];
}

export function createSources(): Sources {
  const found = new Set<AuditEvent['source']>();
  const tokens = new Set<string>();
  return {
    onEvent(event) {
      if (event.type !== 'step-finished') return;
      if (event.outcome === 'cached') found.add('cache');
      else if (event.reads !== undefined) found.add(event.reads);
      const { jti } = event.output;
      if (event.reads === 'issuer' && typeof jti === 'string') tokens.add(jti);
    },
    source: () => (['api', 'issuer', 'vault', 'cache'] as const).find((each) => found.has(each)),
    jti: () => (tokens.size === 0 ? undefined : [...tokens]),
  };
}
