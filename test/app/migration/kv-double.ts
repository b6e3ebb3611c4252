import { createServer, type IncomingMessage } from 'node:http';

/** What one secret of the double is: its versions, the newest last; `deleted` and `destroyed` have no data any more. */
export type Version = Readonly<Record<string, unknown>> | 'deleted' | 'destroyed';

export interface DoubleMount {
  readonly type: string;
  readonly version?: 1 | 2;
  /** by path */
  readonly secrets: Map<string, Version[]>;
}

/** A Vault with KV v1 and v2, as its API was recorded from OpenBao 2.6.2: what a move reads, and nothing else. */
export interface KvDouble {
  readonly url: string;
  readonly token: string;
  /** by path, with what is before it: `team/secret/` */
  readonly mounts: Map<string, DoubleMount>;
  readonly namespaces: Set<string>;
  /** requests so far, as `GET secret/data/app` */
  readonly asked: string[];
  /** paths, with their namespace and `data/` or `metadata/`, that are refused */
  denied: RegExp | undefined;
  /** answers these first, one a request */
  readonly next: { readonly status: number; readonly headers?: Readonly<Record<string, string>> }[];
  close(): Promise<void>;
}

interface Reply {
  readonly status: number;
  readonly body?: object;
}

const missing: Reply = { status: 404, body: { errors: [] } };
const time = '2026-11-22T04:06:25.866265126Z';

export async function startKvDouble(): Promise<KvDouble> {
  const mounts: KvDouble['mounts'] = new Map();
  const namespaces: KvDouble['namespaces'] = new Set();
  const token = 's.of-the-double';
  const asked: string[] = [];
  const next: KvDouble['next'] = [];
  const state: Pick<KvDouble, 'denied'> = { denied: undefined };

  function answer(request: IncomingMessage): Reply {
    const url = new URL(request.url ?? '/', 'http://double');
    const namespace = decodeURI(String(request.headers['x-vault-namespace'] ?? ''));
    const path = namespace + url.pathname.slice('/v1/'.length).split('/').map(decodeURIComponent).join('/');
    asked.push(`${request.method} ${path}`);
    if (request.headers['x-vault-token'] !== token || state.denied?.test(path) === true)
      return { status: 403, body: { errors: ['permission denied'] } };
    const here = path.slice(namespace.length);
    if (here === 'sys/mounts') return { status: 200, body: { data: described(namespace) } };
    if (here === 'sys/internal/ui/mounts') return { status: 200, body: { data: { secret: described(namespace) } } };
    if (here === 'sys/namespaces') {
      const below = [...namespaces].filter((each) => each.startsWith(namespace) && each !== namespace);
      return listed(
        below.map((each) => each.slice(namespace.length)).filter((each) => each.indexOf('/') === each.length - 1),
      );
    }
    const [at, mount] = [...mounts].find(([each]) => path.startsWith(each)) ?? [];
    if (at === undefined || mount?.version === undefined) return missing;
    const rest = path.slice(at.length);
    return mount.version === 1 ? ofV1(mount, rest, url.searchParams) : ofV2(mount, rest);
  }

  const described = (namespace: string) =>
    Object.fromEntries([
      ['sys/', { type: 'system', options: null }],
      ['cubbyhole/', { type: 'cubbyhole', options: null }],
      ...[...mounts]
        .filter(
          ([path]) =>
            path.startsWith(namespace) &&
            ![...namespaces].some((each) => each !== namespace && each.startsWith(namespace) && path.startsWith(each)),
        )
        .map(([path, { type, version }]) => [
          path.slice(namespace.length),
          { type, options: version === undefined ? null : { version: String(version) } },
        ]),
    ]);

  const server = createServer((request, response) => {
    const forced = next.shift();
    const { status, body } = forced === undefined ? answer(request) : { status: forced.status, body: { errors: [] } };
    response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', ...forced?.headers });
    response.end(body === undefined ? '' : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const bound = server.address();
  return {
    url: `http://127.0.0.1:${typeof bound === 'object' && bound !== null ? bound.port : 0}`,
    token,
    mounts,
    namespaces,
    asked,
    next,
    get denied() {
      return state.denied;
    },
    set denied(pattern) {
      state.denied = pattern;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function ofV1({ secrets }: DoubleMount, path: string, query: URLSearchParams): Reply {
  if (query.get('list') === 'true') return listed(childrenOf(secrets, path));
  const data = secrets.get(path)?.at(-1);
  return typeof data === 'object' ? { status: 200, body: { data } } : missing;
}

function ofV2({ secrets }: DoubleMount, path: string): Reply {
  const [, kind = '', rest = ''] = /^(data|metadata|subkeys)\/?(.*)$/su.exec(path) ?? [];
  if (kind === 'metadata') return listed(childrenOf(secrets, rest));
  const versions = secrets.get(rest);
  const newest = versions?.at(-1);
  if (versions === undefined || newest === undefined) return missing;
  const metadata = {
    created_time: time,
    custom_metadata: null,
    deletion_time: newest === 'deleted' ? time : '',
    destroyed: newest === 'destroyed',
    version: versions.length,
  };
  const held = typeof newest === 'object' ? newest : null;
  const status = held === null ? 404 : 200;
  if (kind === 'subkeys') {
    const subkeys = held === null ? null : Object.fromEntries(Object.keys(held).map((key) => [key, null]));
    return { status, body: { data: { metadata, subkeys } } };
  }
  return { status, body: { data: { data: held, metadata } } };
}

/** Names one level below a folder; what is below one of them ends with a `/`. */
function childrenOf(secrets: DoubleMount['secrets'], folder: string): readonly string[] {
  const start = folder === '' || folder.endsWith('/') ? folder : `${folder}/`;
  const below = [...secrets.keys()].filter((path) => path.startsWith(start)).map((path) => path.slice(start.length));
  return [...new Set(below.map((path) => (path.includes('/') ? path.slice(0, path.indexOf('/') + 1) : path)))];
}

function listed(keys: readonly string[]): Reply {
  return keys.length === 0 ? missing : { status: 200, body: { data: { keys } } };
}
