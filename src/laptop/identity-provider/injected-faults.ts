import type { NextFunction, Request, Response } from 'express';

/** One answer that goes wrong. */
interface AnswerFault {
  /** milliseconds before anything else */
  readonly delay?: number;
  /** with a status the request is answered without being carried out */
  readonly status?: number;
  /** an object is sent as JSON, a string as it is */
  readonly body?: object | string;
  readonly headers?: Readonly<Record<string, string>>;
  /** the request is carried out, and the connection cut instead of an answer */
  readonly lose?: boolean;
}

/** What may be wrong with an access token. */
export type Forgery = 'issuer' | 'audience' | 'signature' | 'expired';

/** Trouble on demand. Each call of `next…` concerns one request; calls queue up. */
export interface Faults {
  nextToken(fault: AnswerFault): void;
  /** @param method only a request with this method, default any */
  nextScim(fault: AnswerFault, method?: string): void;
  nextDiscovery(fault: AnswerFault): void;
  /** @param matching a part of the path of a double's API, or of the name of an operation of AWS; default any */
  nextDouble(fault: AnswerFault, method?: string, matching?: string): void;
  /** The next JWT access token is issued, and is wrong in this respect alone. */
  forgeNextToken(forgery: Forgery): void;
  /** Seconds by which the `Date` of every answer is off; 0 ends it. */
  skewDate(seconds: number): void;
  /** Somebody has taken the second factor out: whoever has a right password is in. */
  askNoCode(on: boolean): void;
}

export interface FaultControl extends Faults {
  readonly token: Middleware;
  readonly scim: Middleware;
  readonly discovery: Middleware;
  readonly double: Middleware;
  readonly date: Middleware;
  takeForgery(): Forgery | undefined;
  readonly asksCode: () => boolean;
}

type Middleware = (request: Request, response: Response, next: NextFunction) => Promise<void> | void;

/** @param now epoch milliseconds of the system clock, which `Date` goes by */
export function createFaults(now: () => number = Date.now): FaultControl {
  const token: Queued[] = [];
  const scim: Queued[] = [];
  const discovery: Queued[] = [];
  const double: Queued[] = [];
  const forgeries: Forgery[] = [];
  let skew = 0;
  let asksCode = true;
  return {
    nextToken: (fault) => void token.push({ fault }),
    nextScim: (fault, method) => void scim.push({ fault, method }),
    nextDiscovery: (fault) => void discovery.push({ fault }),
    nextDouble: (fault, method, matching) => void double.push({ fault, method, matching }),
    forgeNextToken: (forgery) => void forgeries.push(forgery),
    skewDate: (seconds) => {
      skew = seconds;
    },
    askNoCode: (on) => {
      asksCode = !on;
    },
    asksCode: () => asksCode,
    takeForgery: () => forgeries.shift(),
    token: applying(token),
    scim: applying(scim),
    discovery: applying(discovery),
    double: applying(double),
    date: (_request, response, next) => {
      if (skew !== 0) response.setHeader('Date', new Date(now() + skew * 1000).toUTCString());
      next();
    },
  };
}

interface Queued {
  readonly fault: AnswerFault;
  readonly method?: string | undefined;
  readonly matching?: string | undefined;
}

function applying(queue: Queued[]): Middleware {
  return async (request, response, next) => {
    const at = queue.findIndex(
      ({ method, matching }) =>
        (method === undefined || method === request.method) &&
        (matching === undefined || `${request.originalUrl} ${request.get('X-Amz-Target') ?? ''}`.includes(matching)),
    );
    const [entry] = at < 0 ? [] : queue.splice(at, 1);
    if (entry === undefined) return next();
    const { delay, status, body, headers, lose } = entry.fault;
    if (delay !== undefined) await new Promise((resolve) => setTimeout(resolve, delay).unref());
    for (const [name, value] of Object.entries(headers ?? {})) response.setHeader(name, value);
    if (status !== undefined) {
      response.status(status);
      if (typeof body === 'object') response.json(body);
      else response.send(body ?? '');
      return;
    }
    if (lose === true) {
      // what the handler writes goes nowhere: the work is done, the answer is not given
      response.end = () => {
        request.socket.destroy();
        return response;
      };
    }
    next();
  };
}
