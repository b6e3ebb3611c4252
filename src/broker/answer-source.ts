import type { AuditEvent } from '../audit/contract.ts';
import type { RunEvent } from '../engine/run-flow.ts';

/** Where a run's answer came from, as its steps tell. */
export interface Sources {
  readonly onEvent: (event: RunEvent) => void;
  readonly source: () => AuditEvent['source'];
}

export function createSources(): Sources {
  const found = new Set<AuditEvent['source']>();
  return {
    onEvent(event) {
      if (event.type !== 'step-finished') return;
      if (event.outcome === 'cached') found.add('cache');
      else if (event.reads !== undefined) found.add(event.reads);
    },
    source: () => (['issuer', 'vault', 'cache'] as const).find((each) => found.has(each)),
  };
}
