/** What the broker knows of time. Leases run on the monotonic clock, which nobody can set back. */
export interface BrokerClock {
  /** epoch milliseconds, for what agents and the trail read */
  readonly now: () => number;
  /** milliseconds since some start */
  readonly monotonic: () => number;
  /** Calls once, after so many milliseconds; keeps no process alive. @returns takes it back */
  readonly after: (milliseconds: number, call: () => void) => () => void;
}

/** The longest that a timer of Node waits. */
const longestWait = 2 ** 31 - 1;

export const systemClock: BrokerClock = {
  now: Date.now,
  monotonic: () => performance.now(),
  after(milliseconds, call) {
    const timer = setTimeout(call, Math.min(Math.max(0, Math.ceil(milliseconds)), longestWait)).unref();
    return () => {
      clearTimeout(timer);
    };
  },
};
