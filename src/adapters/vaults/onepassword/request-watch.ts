import type { SdkFailure, WorkerSetup } from './thread-messages.ts';
import { worded } from './safe-error-text.ts';

export interface RequestWatch {
  mark(): number;
  /** counts an operation of the desktop app, whose requests are not ours to see */
  operation(): void;
  /** @param since what `mark` said when the operation began */
  failure(error: unknown, since: number): SdkFailure;
}

/**
 * Stands between the SDK and the network: counts requests, refuses every address but the token's own, follows no
 * redirect, and remembers what the SDK's messages leave out.
 */
export function watchRequests(setup: WorkerSetup): RequestWatch {
  const counter = new Int32Array(setup.counter);
  const seen: { retryAfter?: number; network?: string }[] = [];
  const origin = 'origin' in setup.sign ? setup.sign.origin : undefined;
  const real = globalThis.fetch;

  globalThis.fetch = async (input, init) => {
    const request = new Request(input, { ...init, redirect: 'manual' });
    const url = new URL(request.url);
    if (origin !== undefined && (url.host !== origin.host || url.protocol !== origin.protocol)) {
      throw new TypeError('not the address of the token');
    }
    Atomics.add(counter, 0, 1);
    try {
      const response = await real(request);
      const retryAfter = Number(response.headers.get('retry-after'));
      if (response.status === 429) seen.push(retryAfter > 0 ? { retryAfter } : {});
      return response;
    } catch (error) {
      const { cause } = error as { cause?: { code?: unknown } };
      if (typeof cause?.code === 'string') seen.push({ network: cause.code });
      throw error;
    }
  };

  return {
    mark: () => seen.length,
    operation() {
      if (origin === undefined) Atomics.add(counter, 0, 1);
    },
    failure(error, since) {
      const { name, text } = worded(error);
      return { name, text, ...seen.slice(since).at(-1) };
    },
  };
}
