import { Refusal } from '../aws/refusal.ts';

/** What goes wrong on purpose, for tests. Each `times` counts requests, the next ones first. */
export interface Faults {
  /** ThrottlingException */
  throttle(times: number, operation?: string): void;
  /** AccessDeniedException until it is allowed again */
  deny(operation: string, denied?: boolean): void;
  /** any error of AWS's shape, for the next requests or for one secret */
  refuse(
    operation: string,
    type: string,
    options?: { message?: string; status?: number; times?: number; secret?: string },
  ): void;
  /** the operation is carried out, and the connection breaks before its answer */
  loseAnswer(operation: string, times?: number): void;
  /** HTTP 500 with an HTML page, as a gateway in between gives it */
  html(operation: string, times?: number): void;
  /** HTTP 200 with this body, and nothing is carried out */
  answer(operation: string, body: string, times?: number): void;
  /** HTTP 307 to another address */
  redirect(operation: string, location: string): void;
  /** milliseconds before each answer */
  delay(milliseconds: number): void;
  /** milliseconds that ListSecrets lags behind */
  listLag(milliseconds: number): void;
  /** AWS's words of why replicas in a region fail; undefined: they do not */
  replication(region: string, message: string | undefined): void;
  /** told of each request that was carried out, before its answer leaves */
  watch(watcher: (operation: string) => void): void;
  /** sizes of the next pages of ListSecrets; 0 is an empty page with a token */
  pages(...sizes: number[]): void;
}

interface Planned {
  readonly operation: string | undefined;
  readonly secret: string | undefined;
  left: number;
  readonly does: Fault;
}

export type Fault =
  | { readonly kind: 'refusal'; readonly refusal: Refusal }
  | { readonly kind: 'lost' }
  | { readonly kind: 'html' }
  | { readonly kind: 'answer'; readonly body: string }
  | { readonly kind: 'redirect'; readonly location: string };

export function createFaults() {
  const planned: Planned[] = [];
  const denied = new Set<string>();
  const pages: number[] = [];
  const replications = new Map<string, string | undefined>();
  const settings = { delay: 0, listLag: 0, watcher: (_operation: string): void => undefined };

  const plan = (does: Fault, left: number, operation?: string, secret?: string) =>
    void planned.push({ does, left, operation, secret });

  const faults: Faults = {
    throttle: (times, operation) =>
      plan({ kind: 'refusal', refusal: new Refusal('ThrottlingException', 'Rate exceeded') }, times, operation),
    deny: (operation, deny = true) => void (deny ? denied.add(operation) : denied.delete(operation)),
    refuse: (operation, type, options = {}) =>
      plan(
        { kind: 'refusal', refusal: new Refusal(type, options.message ?? type, options.status) },
        options.times ?? 1,
        operation,
        options.secret,
      ),
    loseAnswer: (operation, times = 1) => plan({ kind: 'lost' }, times, operation),
    html: (operation, times = 1) => plan({ kind: 'html' }, times, operation),
    answer: (operation, body, times = 1) => plan({ kind: 'answer', body }, times, operation),
    redirect: (operation, location) => plan({ kind: 'redirect', location }, Infinity, operation),
    delay: (milliseconds) => void (settings.delay = milliseconds),
    listLag: (milliseconds) => void (settings.listLag = milliseconds),
    replication: (region, message) => void replications.set(region, message),
    watch: (watcher) => void (settings.watcher = watcher),
    pages: (...sizes) => void pages.push(...sizes),
  };

  /** What befalls this request, if anything. */
  function next(operation: string, secret: unknown, arn: string): Fault | undefined {
    if (denied.has(operation)) {
      const message = `User: ${arn} is not authorized to perform: secretsmanager:${operation} because no identity-based policy allows the secretsmanager:${operation} action`;
      return { kind: 'refusal', refusal: new Refusal('AccessDeniedException', message) };
    }
    const found = planned.find(
      (each) =>
        each.left > 0 &&
        (each.operation === undefined || each.operation === operation) &&
        (each.secret === undefined || each.secret === secret),
    );
    if (found === undefined) return undefined;
    found.left -= 1;
    return found.does;
  }

  return {
    faults,
    next,
    settings,
    pageLimit: () => pages.shift() ?? 100,
    replicationFailure: (region: string) => replications.get(region),
  };
}
