import { FlowError } from '../../foundation/errors.ts';
import { createHttp, type Fetch, retryAfterOf } from '../../foundation/http.ts';
import { createPace } from '../../foundation/request-pace.ts';
import type { Secret } from '../../foundation/secret.ts';
import { keepsDigits } from '../../language/own-form.ts';

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
  readonly fetch?: Fetch | undefined;
  /** epoch milliseconds */
  readonly now: () => number;
  /** takes milliseconds */
  readonly sleep: (milliseconds: number) => Promise<void>;
}

/** the server's own limit of a request is 32 MiB, and so no secret is larger */
const largest = 34 * 1024 * 1024;
const deadline = 30_000;
const atOnce = 8;
/** seconds between tries of what a standby has not got yet, and of what came too fast */
const waits = [1, 2, 4, 8];
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

interface Answer {
  readonly status: number;
  readonly data: Readonly<Record<string, unknown>> | undefined;
  /** every number in it is what was written */
  readonly isExact: boolean;
}

export function createKvSource(options: KvSourceOptions): KvSource {
  const { now, sleep, development, fetch } = options;
  const http = createHttp({ peer: 'Vault', development, fetch, deadline, largest });
  const paced = createPace({ atOnce, monotonic: () => performance.now(), sleep });
  const base = options.url.replace(/\/+$/, '');
  const root = options.namespace === undefined ? '' : withSlash(options.namespace);
  let requests = 0;

  async function ask(namespace: string, path: string): Promise<Answer> {
    const headers: Record<string, string> = {
      'x-vault-token': (await options.token()).reveal(),
      'x-vault-request': 'true',
    };
    if (root + namespace !== '') headers['x-vault-namespace'] = encodeURI(root + namespace);
    for (const wait of [...waits, undefined]) {
      requests += 1;
      const response = await paced('vault', Infinity, () => http(`${base}/v1/${path}`, { headers }));
      const { status } = response;
      const { body, isExact } = parsed(await response.text());
      if (status === 200 || status === 403 || status === 404) return { status, data: recordAt(body, 'data'), isExact };
      const again = status === 412 || status === 429 ? wait : undefined;
      if (again === undefined) throw failure(status, retryAfterOf(response.headers.get('retry-after'), now()));
      await sleep(again * 1_000);
    }
    throw new TypeError('the last wait is undefined, and ends it');
  }

  /** @throws FlowError denied where the token may not ask that at all */
  async function mountsOf(namespace: string): Promise<Readonly<Record<string, unknown>> | undefined> {
    const all = await ask(namespace, 'sys/mounts');
    if (all.status === 200) return all.data;
    const visible = await ask(namespace, 'sys/internal/ui/mounts');
    return visible.status === 200 ? recordAt(visible.data, 'secret') : undefined;
  }

  async function* namespaces(parent: string): AsyncGenerator<string> {
    yield parent;
    // 404: none, or a server that knows no namespaces; 403: they cannot be told from none
    const { data } = await ask(parent, 'sys/namespaces?list=true');
    for (const name of strings(data?.['keys'])) yield* namespaces(parent + withSlash(name));
  }

  async function list(mount: KvMount, folder: string): Promise<Answer> {
    const kind = mount.version === 2 ? 'metadata/' : '';
    return ask(mount.namespace, `${mountIn(mount)}${kind}${encoded(folder)}?list=true`);
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
      const visit = async (folder: string): Promise<void> => {
        const { status, data } = await list(mount, folder);
        if (status === 403) onDenied(mount.path + folder);
        const names = strings(data?.['keys']);
        // a name may be both: `app` a secret, and `app/` what is below it
        for (const name of names) if (!name.endsWith('/')) found.push(folder + name);
        await Promise.all(names.filter((name) => name.endsWith('/')).map((name) => visit(folder + name)));
      };
      await visit('');
      return found.toSorted();
    },
    async keys(mount, path) {
      if (mount.version === 1) return { kind: 'found', keys: undefined };
      const { status, data } = await ask(mount.namespace, `${mountIn(mount)}subkeys/${encoded(path)}`);
      const keys = recordAt(data, 'subkeys');
      return keys === undefined ? absent(status, data) : { kind: 'found', keys: Object.keys(keys).toSorted() };
    },
    async read(mount, path) {
      const kind = mount.version === 2 ? 'data/' : '';
      const { status, data, isExact } = await ask(mount.namespace, `${mountIn(mount)}${kind}${encoded(path)}`);
      if (status !== 200 || data === undefined) return absent(status, data);
      if (!isExact) return { kind: 'inexact' };
      if (mount.version === 1) return { kind: 'found', version: 0, data };
      const version = recordAt(data, 'metadata')?.['version'];
      const held = recordAt(data, 'data');
      if (held === undefined || typeof version !== 'number') return absent(404, data);
      return { kind: 'found', version, data: held };
    },
    requests: () => requests,
  };
}

/** JSON, or nothing; a parser rounds what it cannot keep, and says nothing of it. */
function parsed(text: string): { readonly body: unknown; readonly isExact: boolean } {
  let isExact = true;
  const look = (_key: string, value: unknown, context?: { readonly source?: string }): unknown => {
    if (typeof value === 'number' && !keepsDigits(context?.source ?? '')) isExact = false;
    return value;
  };
  try {
    return { body: JSON.parse(text, look), isExact };
  } catch {
    return { body: undefined, isExact };
  }
}

/** A version that was deleted or destroyed still answers, with 404 and its metadata. */
function absent(status: number, data: Answer['data']): { readonly kind: Absence } {
  if (status === 403) return { kind: 'denied' };
  return { kind: recordAt(data, 'metadata') === undefined ? 'missing' : 'deleted' };
}

function failure(status: number, retryAfter: number | undefined): FlowError {
  if (status === 429)
    return new FlowError('rate-limited', 'Vault takes no more requests for now', {
      hint: 'run again later',
      retryAfter,
    });
  if (status === 412) {
    return new FlowError('unavailable', 'this node of Vault is behind the others', {
      hint: 'run again, or give the address of the active node',
    });
  }
  if (status === 503)
    return new FlowError('unavailable', 'Vault is sealed, or not ready', {
      hint: 'unseal it, and run again',
      retryAfter,
    });
  const code = status >= 500 ? 'unavailable' : 'protocol';
  return new FlowError(code, `Vault answers with status ${status}`, {
    hint: 'is url: the address of Vault or OpenBao?',
  });
}

/** The mount as its own namespace calls it. */
function mountIn({ path, namespace }: KvMount): string {
  return encoded(path.slice(namespace.length));
}

function encoded(path: string): string {
  const segments = path.split('/');
  // a URL has no such names: it would be another path
  if (segments.some((segment) => segment === '.' || segment === '..'))
    throw new FlowError('refused', 'a path of Vault has "." or ".." in it', { place: { subject: path } });
  return segments.map((segment) => encodeURIComponent(segment.toWellFormed())).join('/');
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
