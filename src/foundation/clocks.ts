/**
 * Time as leases need it: they run on a monotonic clock, which nobody can set back.
 * @example
 * let passed = 0;
 * const clock: LeaseClock = { now: () => 1_764_432_000_000 + passed, monotonic: () => passed, after: () => undefined };
 * passed += 60_000; // a minute later
 */
export interface LeaseClock {
  /** epoch milliseconds, for what people, agents and the trail read */
  readonly now: () => number;
  /** milliseconds since some start */
  readonly monotonic: () => number;
  /** Calls once, after so many milliseconds; keeps no process alive. */
  readonly after: (milliseconds: number, call: () => void) => void;
}

/** What the broker knows of time. */
export interface BrokerClock extends LeaseClock {
  /** @returns takes it back */
  readonly after: (milliseconds: number, call: () => void) => () => void;
}

/** The longest that a timer of Node waits. */
const longestWait = 2 ** 31 - 1;

export const systemClock: BrokerClock = {
  now: Date.now,
  // not of `performance`: to touch it loads all that Node can measure, as much as a command's own code
  monotonic() {
    const [seconds, nanoseconds] = process.hrtime();
    return seconds * 1_000 + nanoseconds / 1_000_000;
  },
  after(milliseconds, call) {
    const timer = setTimeout(call, Math.min(Math.max(0, Math.ceil(milliseconds)), longestWait)).unref();
    return () => {
      clearTimeout(timer);
    };
  },
};

/** Milliseconds by which the two clocks may differ before it counts: the wall clock is always being adjusted a little. */
const adjustment = 1_000;

/**
 * A clock whose monotonic time goes on while the machine sleeps, which that of the system does not: where the wall
 * clock is further on than it should be, so much more has passed. One that is set back changes nothing.
 */
export function awake<C extends Pick<LeaseClock, 'now' | 'monotonic'>>(clock: C): C {
  let slept = 0;
  let apart = clock.now() - clock.monotonic();
  return {
    ...clock,
    // a clock of someone else's may be an object of a class
    now: () => clock.now(),
    monotonic() {
      const at = clock.monotonic();
      const ahead = clock.now() - at - apart;
      if (Math.abs(ahead) > adjustment) {
        apart += ahead;
        slept += Math.max(0, ahead);
      }
      return at + slept;
    },
  };
}
