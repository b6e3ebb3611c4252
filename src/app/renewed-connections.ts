import type { Connections } from './connections.ts';

/** The connections of an environment: made when they are first asked for, and anew where its settings change. */
export interface RenewedConnections {
  /** @throws FlowError where they cannot be made; the next one who asks tries again */
  get(): Promise<Connections>;
  /** Those that are there. */
  made(): Connections | undefined;
  /** The next who asks has new ones; calls of the old ones have a minute to end. */
  renew(): void;
  close(): Promise<void>;
}

/** milliseconds that calls have whose connections' settings changed: longer than any deadline */
const lastCalls = 60_000;

/** @param connect with the settings of the moment */
export function createRenewedConnections(connect: () => Promise<Connections>): RenewedConnections {
  let opened: Promise<Connections> | undefined;
  let made: Connections | undefined;
  /** connections of settings before, until their calls have ended */
  const leaving = new Map<Connections, NodeJS.Timeout>();

  function leave(connected: Connections): void {
    const timer = setTimeout(() => {
      leaving.delete(connected);
      void connected.close();
    }, lastCalls).unref();
    leaving.set(connected, timer);
  }

  return {
    get() {
      if (opened !== undefined) return opened;
      const opening = connect().then(
        (connected) => {
          if (opened === opening) made = connected;
          else leave(connected);
          return connected;
        },
        (error: unknown) => {
          if (opened === opening) opened = undefined;
          throw error;
        },
      );
      opened = opening;
      return opening;
    },
    made: () => made,
    renew() {
      if (made !== undefined) leave(made);
      opened = undefined;
      made = undefined;
    },
    async close() {
      const current = await opened?.catch(() => undefined);
      for (const timer of leaving.values()) clearTimeout(timer);
      await Promise.all([current, ...leaving.keys()].map(async (each) => each?.close()));
    },
  };
}
