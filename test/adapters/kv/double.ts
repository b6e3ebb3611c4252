import type { IncomingMessage } from 'node:http';
import { Secret } from '../../../src/foundation/secret.ts';
import { serveOnLoopback } from '../../../src/laptop/loopback-server.ts';

/** One request, as it came. */
export interface Recorded {
  readonly method: string;
  /** below `/v1/`, as it was encoded */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
}

export interface Fault {
  readonly status: number;
  readonly errors?: readonly string[] | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** answered only after the request was carried out */
  readonly after?: boolean | undefined;
}

type Values = Readonly<Record<string, unknown>>;

/** What is mounted somewhere, with the versions of each of its secrets, the newest last. */
export interface MountOptions {
  /** default `kv` */
  readonly type?: string;
  /** default `2` */
  readonly version?: string;
  readonly secrets?: Readonly<Record<string, readonly (Values | 'deleted' | 'destroyed')[]>>;
}

interface Version {
  data: Values | undefined;
  readonly created: string;
  deletion: string;
  destroyed: boolean;
}

interface Stored {
  readonly versions: Version[];
  custom: Readonly<Record<string, string>> | undefined;
  updated: string;
}

interface Mount {
  readonly type: string;
  readonly version: string;
  readonly secrets: Map<string, Stored>;
}

export interface VaultDoubleOptions {
  /** mounts besides `secret`, KV of version 2: by path, with a namespace before it where it is in one */
  readonly mounts?: Readonly<Record<string, MountOptions>>;
  /** those that are in others too: `team`, `team/red` */
  readonly namespaces?: readonly string[];
  /** which JWTs `auth/jwt/login` takes, by role */
  readonly roles?: Readonly<Record<string, (jwt: string) => boolean>>;
  /** seconds, of a token that a login gives; default 3,600 */
  readonly lease?: number;
  readonly now?: () => number;
}

/** bytes of a whole request, as Vault has it; tests need no 32 MiB */
const largest = 2 * 1024 * 1024;

class Refused extends Error {
  readonly status: number;
  readonly errors: readonly string[];
  constructor(status: number, ...errors: readonly string[]) {
    super(String(status));
    this.status = status;
    this.errors = errors;
  }
}

const policyDenies = '1 error occurred:\n\t* permission denied\n\n';

/**
 * What OpenBao 2.7.2 answers to those who use its KV engine of version 2, and to those who read all that its KV engines
 * hold, recorded there and held to it by the suites of test/peers: mounts, paths and metadata, versions that are
 * deleted and destroyed, check-and-set, namespaces, logins by JWT. Its policies are a function of path and method for
 * each token.
 */
export async function startVaultDouble(options: VaultDoubleOptions = {}) {
  const { now = Date.now, namespaces = [], roles = {}, lease = 3_600 } = options;
  const mounts = new Map<string, Mount>();
  const time = () => new Date(now()).toISOString();
  for (const [path, given] of Object.entries({ secret: {}, ...options.mounts })) mount(path, given);
  const root = new Secret(`s.${crypto.randomUUID()}`);
  const tokens = new Map<string, { readonly may: Policy; readonly until: number }>();
  tokens.set(root.reveal(), { may: () => true, until: Infinity });
  const recorded: Recorded[] = [];
  const faults: Fault[] = [];
  let failing: ((request: Recorded) => Fault | undefined) | undefined;

  function mount(at: string, { type = 'kv', version = '2', secrets = {} }: MountOptions): void {
    const stored = Object.entries(secrets).map(([path, versions]): [string, Stored] => {
      const all = versions.map((each) => ({
        data: typeof each === 'string' ? undefined : each,
        created: time(),
        deletion: each === 'deleted' ? time() : '',
        destroyed: each === 'destroyed',
      }));
      return [path, { versions: all, custom: undefined, updated: time() }];
    });
    mounts.set(at, { type, version, secrets: new Map(stored) });
  }

  /** The mounts of a namespace, without those of the ones in it. */
  function mountsIn(namespace: string): Values {
    const inside = (path: string, outer: string) => outer === '' || path.startsWith(`${outer}/`);
    const ofIt = [...mounts].filter(
      ([path]) => inside(path, namespace) && !namespaces.some((each) => inside(each, namespace) && inside(path, each)),
    );
    const start = namespace === '' ? 0 : namespace.length + 1;
    return Object.fromEntries([
      ['sys/', { type: 'system', options: null }],
      ['cubbyhole/', { type: 'cubbyhole', options: null }],
      ...ofIt.map(([path, { type, version }]) => [
        `${path.slice(start)}/`,
        { type, options: type === 'kv' ? { version } : null },
      ]),
    ]);
  }

  function namespacesIn(namespace: string): Answer {
    const prefix = namespace === '' ? '' : `${namespace}/`;
    const below = namespaces.filter((each) => each.startsWith(prefix)).map((each) => each.slice(prefix.length));
    return keysOf(below.filter((each) => !each.includes('/')).map((each) => `${each}/`));
  }

  /** The longest mount that a path of a namespace begins with. */
  function routed(namespace: string, path: string): { mount: Mount; at: string; rest: string } {
    const prefix = namespace === '' ? '' : `${namespace}/`;
    const found = [...mounts.keys()]
      .filter((each) => each.startsWith(prefix) && `${path}/`.startsWith(`${each.slice(prefix.length)}/`))
      .toSorted((a, b) => b.length - a.length)[0];
    const mount = found === undefined ? undefined : mounts.get(found);
    if (found === undefined || mount === undefined)
      throw new Refused(404, `no handler for route "${path}". route entry not found.`);
    const at = found.slice(prefix.length);
    return { mount, at, rest: path.slice(at.length + 1) };
  }

  function handle(request: Recorded, body: Body, url: URL): Answer {
    const header = Buffer.from(String(request.headers['x-vault-namespace'] ?? ''), 'latin1');
    const namespace = header.toString().replace(/^\/|\/$/g, '');
    if (namespace !== '' && !namespaces.includes(namespace)) throw new Refused(404, 'namespace not found');
    const path = decodeURIComponent(url.pathname.slice('/v1/'.length));
    const { method } = request;
    if (method === 'POST' && path.endsWith('/')) throw new Refused(400, "cannot write to a path ending in '/'");
    const login = /^auth\/([^/]+)\/login$/.exec(path);
    if (login !== null) return loggedIn(login[1] ?? '', body);
    const bearer = String(request.headers['x-vault-token'] ?? '');
    const token = tokens.get(bearer);
    if (token === undefined || token.until <= now()) throw new Refused(403, 'permission denied');
    if (path === 'auth/token/revoke-self') {
      tokens.delete(bearer);
      return undefined;
    }
    const preflight = /^sys\/internal\/ui\/mounts\/(.+)$/.exec(path)?.[1];
    if (preflight !== undefined) {
      const hidden = `preflight capability check returned 403, please ensure client's policies grant access to path "${preflight}/"`;
      try {
        const { mount, at } = routed(namespace, preflight);
        return { path: `${at}/`, type: mount.type, options: mount.type === 'kv' ? { version: mount.version } : null };
      } catch {
        throw new Refused(403, hidden);
      }
    }
    if (!token.may(method, path)) throw new Refused(403, policyDenies);
    if (path === 'sys/mounts') return mountsIn(namespace);
    if (path === 'sys/internal/ui/mounts') return { secret: mountsIn(namespace) };
    if (path === 'sys/namespaces') return namespacesIn(namespace);
    const { mount, rest } = routed(namespace, path);
    if (mount.version !== '2') {
      if (method !== 'GET') return undefined;
      if (url.searchParams.get('list') === 'true') return listed(mount, rest);
      return mount.secrets.get(rest)?.versions.at(-1)?.data ?? missing();
    }
    return kv(mount, method, rest, url.searchParams, body);
  }

  function loggedIn(mount: string, body: Body): Answer {
    const takes = roles[String(body['role'])];
    if (mount !== 'jwt') throw new Refused(403, policyDenies);
    if (takes === undefined) throw new Refused(400, `role "${String(body['role'])}" could not be found`);
    if (!takes(String(body['jwt']))) throw new Refused(400, 'error validating token: error verifying token signature');
    const client_token = `s.${crypto.randomUUID()}`;
    tokens.set(client_token, { may: () => true, until: now() + lease * 1_000 });
    return { auth: { client_token, lease_duration: lease, renewable: true, policies: ['default'] } };
  }

  function kv(mount: Mount, method: string, rest: string, query: URLSearchParams, body: Body): Answer {
    const [, kind = '', path = ''] = /^([^/]+)(?:\/(.*))?$/s.exec(rest) ?? [];
    if (kind === 'metadata' && method === 'GET' && query.get('list') === 'true') return listed(mount, path);
    const stored = mount.secrets.get(path);
    if (kind === 'metadata') return metadata(mount, method, path, stored, body);
    if (kind === 'data' && method === 'POST') return written(mount, path, stored, body);
    if (stored === undefined && method !== 'DELETE') throw new Refused(404);
    const last = stored?.versions.at(-1);
    if (kind === 'data' && method === 'DELETE') {
      if (last !== undefined && last.deletion === '') last.deletion = time();
      return undefined;
    }
    if (kind === 'destroy' || kind === 'undelete' || kind === 'delete') {
      for (const number of body['versions'] as readonly number[]) {
        const version = stored?.versions[number - 1];
        if (version === undefined) continue;
        if (kind === 'destroy') Object.assign(version, { destroyed: true, data: undefined });
        else version.deletion = kind === 'delete' ? time() : '';
      }
      return undefined;
    }
    if (stored === undefined || last === undefined) throw new Refused(404);
    if ((kind !== 'data' && kind !== 'subkeys') || method !== 'GET')
      throw new Refused(405, '1 error occurred:\n\t* unsupported operation\n\n');
    const gone = last.destroyed || last.deletion !== '';
    const about = { ...versionOf(last), custom_metadata: stored.custom ?? null, version: stored.versions.length };
    const held = gone || last.data === undefined ? null : last.data;
    const subkeys = held === null ? null : Object.fromEntries(Object.keys(held).map((key) => [key, null]));
    const answer = { ...(kind === 'subkeys' ? { subkeys } : { data: held }), metadata: about };
    return gone ? { gone: answer } : answer;
  }

  const versionOf = ({ created, deletion, destroyed }: Version) => ({
    created_time: created,
    deletion_time: deletion,
    destroyed,
  });

  function listed(mount: Mount, folder: string): Answer {
    const prefix = folder === '' ? '' : `${folder.replace(/\/$/, '')}/`;
    const below = [...mount.secrets.keys()]
      .filter((each) => each.startsWith(prefix))
      .map((each) => each.slice(prefix.length));
    return keysOf([...new Set(below.map((each) => /^[^/]*\/?/.exec(each)?.[0] ?? ''))].toSorted());
  }

  function metadata(mount: Mount, method: string, path: string, stored: Stored | undefined, body: Body): Answer {
    if (method === 'DELETE') {
      mount.secrets.delete(path);
      return undefined;
    }
    if (method === 'GET' || method === 'PATCH') {
      if (stored === undefined) throw new Refused(404);
      if (method === 'GET')
        return {
          current_version: stored.versions.length,
          custom_metadata: stored.custom ?? null,
          updated_time: stored.updated,
          versions: Object.fromEntries(stored.versions.map((each, index) => [index + 1, versionOf(each)])),
        };
    }
    const given = (body['custom_metadata'] ?? {}) as Readonly<Record<string, string | null>>;
    const merged = Object.entries({ ...(method === 'PATCH' ? stored?.custom : {}), ...given });
    const custom = Object.fromEntries(merged.filter((each): each is [string, string] => each[1] !== null));
    for (const [key, value] of Object.entries(custom))
      if (value.length < 1 || value.length > 512)
        throw new Refused(
          400,
          `1 error occurred:\n\t* custom_metadata validation failed: length of value for key "${key}"\n\n`,
        );
    if (stored === undefined) mount.secrets.set(path, { versions: [], custom, updated: time() });
    else Object.assign(stored, { custom, updated: time() });
    return undefined;
  }

  function written(mount: Mount, path: string, stored: Stored | undefined, body: Body): Answer {
    const cas = (body['options'] as { readonly cas?: number } | undefined)?.cas;
    const kept = stored ?? { versions: [], custom: undefined, updated: '' };
    if (cas !== undefined && cas !== kept.versions.length)
      throw new Refused(400, 'check-and-set parameter did not match the current version');
    const version = { data: body['data'] as Version['data'], created: time(), deletion: '', destroyed: false };
    kept.versions.push(version);
    kept.updated = version.created;
    mount.secrets.set(path, kept);
    return { ...versionOf(version), custom_metadata: kept.custom ?? null, version: kept.versions.length };
  }

  const server = await serveOnLoopback((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => void parts.push(part));
    request.on('end', () => {
      const [method, address] = [request.method ?? '', new URL(request.url ?? '/', 'http://double')];
      const seen = { method, path: (request.url ?? '').slice('/v1/'.length), headers: request.headers };
      recorded.push(seen);
      const answer = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) =>
        void response
          .writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers })
          .end(body === undefined ? undefined : JSON.stringify(body));
      const fault = failing?.(seen) ?? faults.shift();
      const fail = ({ status, errors = [], headers }: Fault) => answer(status, { errors }, headers);
      if (fault !== undefined && fault.after !== true) return fail(fault);
      try {
        const text = Buffer.concat(parts).toString();
        if (text.length > largest) throw new Refused(413, 'http: request body too large');
        const done = handle(seen, text === '' ? {} : (JSON.parse(text) as Body), address);
        if (fault !== undefined) return fail(fault);
        if (done === undefined) return answer(204, undefined);
        if ('gone' in done) return answer(404, { data: done['gone'] });
        return answer(200, 'auth' in done ? done : { data: done });
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        if (method === 'PATCH' && error.status === 404) return void response.writeHead(404).end();
        return answer(error.status, { errors: error.errors });
      }
    });
  });

  return {
    url: `http://${server.host}`,
    root,
    /** Mounts it, in place of what is there. */
    mount,
    recorded,
    /** A token that may do what this says. */
    token(may: Policy): Secret {
      const made = new Secret(`s.${crypto.randomUUID()}`);
      tokens.set(made.reveal(), { may, until: Infinity });
      return made;
    },
    revoke: (token: Secret) => void tokens.delete(token.reveal()),
    /** The next requests are answered so, one each. */
    failNext: (...next: readonly Fault[]) => void faults.push(...next),
    /** Every request is asked whether it fails, until another is told. */
    fail: (when: ((request: Recorded) => Fault | undefined) | undefined) => void (failing = when),
    /** Values of the newest version, by the whole path. */
    values(path: string, mount = 'secret') {
      return mounts.get(mount)?.secrets.get(path)?.versions.at(-1)?.data;
    },
    /** Someone else writes, at once. */
    write(path: string, data: Values, mount = 'secret') {
      const into = mounts.get(mount);
      if (into !== undefined) written(into, path, into.secrets.get(path), { data });
    },
    /** Someone removes all versions of it. */
    remove: (path: string, mount = 'secret') => void mounts.get(mount)?.secrets.delete(path),
    versions: (path: string, mount = 'secret') => mounts.get(mount)?.secrets.get(path)?.versions.length ?? 0,
    custom: (path: string, mount = 'secret') => mounts.get(mount)?.secrets.get(path)?.custom,
    close: () => server.close(),
  };
}

const missing = (): never => {
  throw new Refused(404);
};

const keysOf = (keys: readonly string[]) => (keys.length === 0 ? missing() : { keys });

export type VaultDouble = Awaited<ReturnType<typeof startVaultDouble>>;
/** @param path below `/v1/`, decoded */
export type Policy = (method: string, path: string) => boolean;
type Body = Values;
type Answer = Values | undefined;
