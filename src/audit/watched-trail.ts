import type { AuditEvent, AuditTrail } from './contract.ts';

/** A trail that tells of what is on it. */
export interface WatchedTrail extends AuditTrail {
  /** Told of each event once it is recorded; returns what ends that. */
  watch(heard: (event: AuditEvent) => void): () => void;
}

/** Whatever happens is on the trail: who looks at a broker learns from it when to look again. */
export function watchTrail(trail: AuditTrail): WatchedTrail {
  const heard = new Set<(event: AuditEvent) => void>();
  return {
    ...trail,
    record(event, weight) {
      const recorded = trail.record(event, weight);
      // nearly always nobody listens: then this is the trail's own promise
      return heard.size === 0 ? recorded : recorded.then(() => heard.forEach((each) => each(event)));
    },
    watch(each) {
      heard.add(each);
      return () => void heard.delete(each);
    },
  };
}
