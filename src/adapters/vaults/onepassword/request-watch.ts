import { createWay } from '../../../foundation/proxy.ts';
import { Secret } from '../../../foundation/secret.ts';
import type { SdkFailure, WorkerSetup } from './thread-messages.ts';
import { worded } from '../../../foundation/safe-error-text.ts';

/** What the requests of one operation met. */
export interface OperationWatch {
  failure(error: unknown): SdkFailure;
  /** It is over: nothing of it is kept. */
  end(): void;
}

export interface RequestWatch {
  /** @param vault id of the one vault that it is about, @param writes whether it may change it */
  begin(operation: { readonly vault: string | undefined; readonly writes: boolean }): OperationWatch;
}

interface Met {
  readonly retryAfter?: number;
  readonly network?: string;
}

/**
 * Stands between the SDK and the network: counts requests, refuses every address but the token's own, follows no
 * redirect, and remembers what the SDK's messages leave out. The SDK does not say for which operation a request is:
 * one to a vault is for those of that vault, and one that writes for those that do; sign-in is for all.
 */
export function watchRequests(setup: WorkerSetup): RequestWatch {
  const counter = new Int32Array(setup.counter);
  const under = new Set<(request: Request, met: Met) => void>();
  const origin = 'origin' in setup.sign ? setup.sign.origin : undefined;
  const { proxy } = setup;
  const real =
    proxy === undefined ? globalThis.fetch : createWay({ ...proxy, address: new Secret(proxy.address) }).fetch;
  const told = (request: Request, met: Met) => {
    for (const tell of under) tell(request, met);
  };

  globalThis.fetch = async (input, init) => {
    const request = new Request(input, { ...init, redirect: 'manual' });
    const url = new URL(request.url);
    if (origin !== undefined && (url.host !== origin.host || url.protocol !== origin.protocol)) {
      throw new TypeError('not the address of the token');
    }
    const repeat = mayBeRepeated(request) ? request.clone() : undefined;
    const send = (each: Request) => {
      Atomics.add(counter, 0, 1);
      return real(each, {});
    };
    try {
      const response = await send(request).catch((error: unknown) => {
        if (repeat === undefined || !wasClosed(codeOf(error))) throw error;
        return send(repeat);
      });
      const retryAfter = Number(response.headers.get('retry-after'));
      if (response.status === 429) told(request, retryAfter > 0 ? { retryAfter } : {});
      return response;
    } catch (error) {
      const network = codeOf(error);
      if (network !== undefined) told(request, { network });
      throw error;
    }
  };

  return {
    begin({ vault, writes }) {
      // the desktop app's requests are not ours to see
      if (origin === undefined) Atomics.add(counter, 0, 1);
      let last: Met = {};
      const tell = (request: Request, met: Met) => {
        const of = /\/vault\/(?<id>[^/]+)/.exec(request.url)?.groups?.['id'];
        if (of !== undefined && of !== vault) return;
        if (request.method === 'PATCH' && !writes) return;
        last = met;
      };
      under.add(tell);
      return {
        failure: (error) => ({ ...worded(error), ...last }),
        end: () => void under.delete(tell),
      };
    },
  };
}

/** What changes nothing: a sign-in's begin and the batch of items are such, in a body; its later steps count once. */
function mayBeRepeated({ method, url }: Request): boolean {
  return method === 'GET' || (method === 'POST' && /\/(?:items\/batch|auth\/start)$/.test(new URL(url).pathname));
}

/** The service had closed the connection meanwhile: no byte of an answer came. */
function wasClosed(code: string | undefined): boolean {
  return code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE';
}

function codeOf(error: unknown): string | undefined {
  const { cause } = error as { cause?: { code?: unknown } };
  return typeof cause?.code === 'string' ? cause.code : undefined;
}
