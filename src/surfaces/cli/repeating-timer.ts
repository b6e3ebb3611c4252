/** Calls again and again, after so many milliseconds; returns how to stop. */
export type Every = (milliseconds: number, call: () => void) => () => void;

export const byTimer: Every = (milliseconds, call) => {
  const timer = setInterval(call, milliseconds);
  return () => clearInterval(timer);
};
