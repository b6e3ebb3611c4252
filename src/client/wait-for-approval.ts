import { BrokerError } from './broker-error.ts';
import type { Requests } from './request.ts';

/** seconds that a broker holds a request back at most */
const longest = 60;

/**
 * Asks, and where a person must approve it first, waits until that person has answered: the same request again, with the
 * approval that it waits for. A no, and no answer in time, are errors of their own.
 * @param deadline milliseconds of one request
 */
export function waitingForApproval(post: Requests['post'], deadline: number): Requests['post'] {
  const seconds = Math.max(1, Math.min(longest, Math.floor(deadline / 1_000) - 5));
  return async (sender, path, body, signal) => {
    const ids = new Set<string>();
    for (;;) {
      try {
        const brought = ids.size === 0 ? {} : { 'approval-id': [...ids].join(',') };
        const headers = { ...sender.headers, prefer: `wait=${seconds}`, ...brought };
        return await post({ ...sender, headers }, path, body, signal);
      } catch (error) {
        const approval =
          error instanceof BrokerError && error.code === 'approval-required' ? error.approval : undefined;
        if (approval === undefined) throw error;
        ids.add(approval.id);
      }
    }
  };
}
