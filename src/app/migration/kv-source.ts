import { createVaultHttp, encodedPath } from '../../adapters/kv/vault-http.ts';
import { asFlowError, FlowError } from '../../foundation/errors.ts';
import type { Way } from '../../foundation/proxy.ts';
import { createPace } from '../../foundation/request-pace.ts';
import type { Secret } from '../../foundation/secret.ts';

/** Vault or OpenBao, as far as a move out of its KV asks: it is read, and nothing in it is ever changed. */
export interface KvSource {
  /** The mounts of the namespace and of all below it, by path. */
  mounts(): Promise<Mounts>;
  /** Every secret of a mount, by path; a branch that may not be listed is told, and left out. */
  walk(mount: KvMount, onDenied: (path: string) => void): Promise<readonly string[]>;
  /** The names of a secret's keys, without any value; `keys` is undefined where the mount is KV v1, which has no such question. */
  keys(mount: KvMount, path: string): Promise<Found<{ readonly keys: readonly string[] | undefined }>>;
  /** The newest version. */
  read(mount: KvMount, path: string): Promise<Found<KvSecret>>;
  /** requests made so far */
  requests(): number;
}

export interface KvMount {
  /** with what is before it, and a `/` at its end: `team/secret/` */
  readonly path: string;
  /** `team/`, or empty */
  readonly namespace: string;
  readonly version: 1 | 2;
}

export interface Mounts {
  readonly kv: readonly KvMount[];
  /** what is no KV, and so is not moved */
  readonly others: readonly { readonly path: string; readonly type: string }[];
  /** namespaces that may not be looked at */
  readonly denied: readonly string[];
}

export interface KvSecret {
  /** 0 for KV v1, which has none */
  readonly version: number;
  readonly data: Readonly<Record<string, unknown>>;
}

/** What is there, or why there is nothing to move. */
export type Found<T> = ({ readonly kind: 'found' } & T) | { readonly kind: Absence };

/** `inexact`: it holds a number that no value here keeps all digits of, as one of twenty digits. */
export type Absence = 'deleted' | 'missing' | 'denied' | 'inexact';

export interface KvSourceOptions {
  /** `https://vault.example.com:8200` */
  readonly url: string;
  readonly namespace?: string | undefined;
  readonly token: () => Promise<Secret>;
  /** allows plain http at a loopback address */
  readonly development: boolean;
  readonly way?: Way | undefined;
  /** epoch milliseconds */
  readonly now: () => number;
  /** takes milliseconds */
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** ends all that is asked */
  readonly signal?: AbortSignal | undefined;
}

/** the server's own limit of a request is 32 MiB, and so no secret is larger */
const largest = 34 * 1024 * 1024;
const deadline = 30_000;
const atOnce = 8;
/** milliseconds between tries of what a standby has not got yet, and of what came too fast: a whole move waits for it */
const waits = [1_000, 2_000, 4_000, 8_000];
/** Vault's own, which nobody puts anything into */
const ownTypes: ReadonlySet<string> = new Set([
  'system',
  'ns_system',
  'identity',
  'ns_identity',
  'cubbyhole',
  'ns_cubbyhole',
  'agent_registry',
]);

/** folders within each other, and all of a mount: what answers may tell of more without an end */
const deepest = 100;
const mostFolders = 100_000;

interface Answer {
  readonly kind: 'found' | 'missing' | 'denied';
  readonly data: Readonly<Record<string, unknown>> | undefined;
  /** false: a number in it has more digits than a parser keeps */
  readonly isExact?: boolean | undefined;
}

export function createKvSource(options: KvSourceOptions): KvSource {
  // what concerns every secret ends what else is asked: thousands may wait for their turn
  const failed = new AbortController();
  const signal = AbortSignal.any([failed.signal, ...(options.signal === undefined ? [] : [options.signal])]);
  const sleep = (milliseconds: number) => options.sleep(milliseconds, signal);
  const pace = createPace({ atOnce, monotonic: () => performance.now(), sleep });
  const http = createVaultHttp({ ...options, sleep, namespace: undefined, deadline, largest, waits, pace });
  const root = options.namespace === undefined ? '' : withSlash(options.namespace);

  /** The first one, whoever hears of it first. */
  function failure(error: unknown): FlowError {
    failed.abort(error);
    return asFlowError(failed.signal.reason);
  }

  /** @returns told of each folder and what is in it @throws FlowError protocol */
  function boundOf(what: string): (folder: string, inner: readonly string[]) => void {
    let all = 0;
    return (folder, inner) => {
      all += inner.length;
      if (all <= mostFolders && (inner.length === 0 || folder.split('/').length <= deepest)) return;
      const error = new FlowError('protocol', `Vault tells of more ${what} than a move takes`, {
        hint: `${mostFolders} in all, and ${deepest} within each other: see what answers at url, or let the token list only what is to move`,
      });
      throw failure(error);
    };
  }

  /** What is not there, and what the token may not see, are left out of a move, and do not end it. */
  async function ask(namespace: string, path: string): Promise<Answer> {
    signal.throwIfAborted();
    // before all else: a token that cannot be had is no path that is refused
    const token = await options.token();
    try {
      const answer = await http.ask({ path, namespace: root + namespace, signal }, async () => token);
      const data = recordAt(answer, 'data');
      return { kind: answer === undefined ? 'missing' : 'found', data, isExact: answer?.isExact };
    } catch (error) {
      const code = error instanceof FlowError ? error.code : undefined;
      if (code === 'denied') return { kind: 'denied', data: undefined };
      if (code === 'not-found') return { kind: 'missing', data: undefined };
      throw failure(error);
    }
  }

  /** @throws FlowError denied where the token may not ask that at all */
  async function mountsOf(namespace: string): Promise<Readonly<Record<string, unknown>> | undefined> {
    const all = await ask(namespace, 'sys/mounts');
    if (all.kind === 'found') return all.data;
    const visible = await ask(namespace, 'sys/internal/ui/mounts');
    return recordAt(visible.data, 'secret');
  }

  async function* namespaces(parent: string, bound = boundOf('namespaces')): AsyncGenerator<string> {
    yield parent;
    // missing: none, or a server that knows no namespaces; denied: they cannot be told from none
    const { data } = await ask(parent, 'sys/namespaces?list=true');
    const names = strings(data?.['keys']);
    bound(parent, names);
    for (const name of names) yield* namespaces(parent + withSlash(name), bound);
  }

  async function list(mount: KvMount, folder: string): Promise<Answer> {
    const kind = mount.version === 2 ? 'metadata/' : '';
    return ask(mount.namespace, `${mountIn(mount)}${kind}${encodedPath(folder)}?list=true`);
  }

  return {
    async mounts() {
      const [kv, others, denied]: [KvMount[], { path: string; type: string }[], string[]] = [[], [], []];
      for await (const namespace of namespaces('')) {
        const found = await mountsOf(namespace);
        if (found === undefined) denied.push(namespace);
        for (const [path, facts] of Object.entries(found ?? {})) {
          const type = textAt(facts, 'type') ?? '';
          const version = textAt(recordAt(facts, 'options'), 'version') === '2' ? 2 : 1;
          if (type === 'kv' || type === 'generic') kv.push({ path: namespace + path, namespace, version });
          else if (type !== '' && !ownTypes.has(type)) others.push({ path: namespace + path, type });
        }
      }
      if (kv.length === 0 && denied.length > 0) {
        throw new FlowError('denied', 'Vault does not tell this token which mounts there are', {
          hint: 'give a token whose policies let it read sys/mounts, or anything under the mounts that are to move',
        });
      }
      return { kv, others, denied };
    },
    async walk(mount, onDenied) {
      const found: string[] = [];
      const bound = boundOf(`folders in ${mount.path}`);
      const visit = async (folder: string): Promise<void> => {
        const { kind, data } = await list(mount, folder);
        if (kind === 'denied') onDenied(mount.path + folder);
        const names = strings(data?.['keys']);
        // a name may be both: `app` a secret, and `app/` what is below it
        for (const name of names) if (!name.endsWith('/')) found.push(folder + name);
        const inner = names.filter((name) => name.endsWith('/'));
        bound(folder, inner);
        await Promise.all(inner.map((name) => visit(folder + name)));
      };
      await visit('');
      return found.toSorted();
    },
    async keys(mount, path) {
      if (mount.version === 1) return { kind: 'found', keys: undefined };
      const answer = await ask(mount.namespace, `${mountIn(mount)}subkeys/${encodedPath(path)}`);
      const keys = recordAt(answer.data, 'subkeys');
      return keys === undefined ? absent(answer) : { kind: 'found', keys: Object.keys(keys).toSorted() };
    },
    async read(mount, path) {
      const kind = mount.version === 2 ? 'data/' : '';
      const answer = await ask(mount.namespace, `${mountIn(mount)}${kind}${encodedPath(path)}`);
      const { data, isExact } = answer;
      if (data === undefined) return absent(answer);
      if (isExact === false) return { kind: 'inexact' };
      if (mount.version === 1) return { kind: 'found', version: 0, data };
      const version = recordAt(data, 'metadata')?.['version'];
      const held = recordAt(data, 'data');
      if (held === undefined || typeof version !== 'number') return absent(answer);
      return { kind: 'found', version, data: held };
    },
    requests: () => http.requests(),
  };
}

/** A version that was deleted or destroyed has only its metadata left. */
function absent({ kind, data }: Answer): { readonly kind: Absence } {
  if (kind === 'denied') return { kind };
  return { kind: recordAt(data, 'metadata') === undefined ? 'missing' : 'deleted' };
}

/** The mount as its own namespace calls it. */
function mountIn({ path, namespace }: KvMount): string {
  return encodedPath(path.slice(namespace.length));
}

const withSlash = (path: string) => (path.endsWith('/') ? path : `${path}/`);

function recordAt(value: unknown, key: string): Readonly<Record<string, unknown>> | undefined {
  const found = isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return isRecord(found) ? found : undefined;
}

function textAt(value: unknown, key: string): string | undefined {
  const found = isRecord(value) ? value[key] : undefined;
  return typeof found === 'string' ? found : undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}
