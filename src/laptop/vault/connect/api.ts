import { randomBytes } from 'node:crypto';
import { sameName } from '../../../foundation/names.ts';
import { Secret } from '../../../foundation/secret.ts';
import type { Contents, StoredItem, StoredVault } from '../contents.ts';
import { newId } from '../encoding.ts';
import { open, seal } from '../encrypted-values.ts';
import { openFile } from '../files.ts';
import type { Details, Overview } from '../item-format.ts';
import { Answer } from '../refusal-answers.ts';
import type { TokenOptions } from '../service-accounts.ts';
import { filterOf } from './filter.ts';
import { givenItem } from './given-item.ts';
import { filesOf, type OpenItem, summaryOf, wholeOf } from './items.ts';

export interface ConnectRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly authorization: string;
  /** parsed when it is asked for. @throws Answer 400 */
  readonly body: () => unknown;
}

export interface ConnectAnswer {
  readonly status: number;
  /** JSON, or a file's bytes, or nothing */
  readonly body: unknown;
}

/** The same vaults as 1Password Connect serves them: plain JSON, to whoever has an access token. */
export interface ConnectApi {
  /** An access token, for all vaults and for writing where nothing else is said. */
  token(options: TokenOptions): Secret;
  revoke(token: Secret): void;
  /** Whether what it shows stays as it is now, whatever is written meanwhile, by itself too: its sync has not come yet. */
  setLag(lags: boolean): void;
  answer(request: ConnectRequest): Promise<ConnectAnswer>;
}

interface Access {
  mayRead(vault: string): boolean;
  mayWrite(vault: string): boolean;
}

interface Call {
  readonly request: ConnectRequest;
  readonly path: Readonly<Record<string, string>>;
  readonly access: Access;
}

interface Route {
  readonly method: string;
  /** below `/v1/`; `{vault}` is any one part. Some clients end it with a slash. */
  readonly path: string;
  answer(call: Call): unknown;
}

/** Paths that are Connect's and not the SDK's. */
export function isConnectPath(path: string): boolean {
  return /^\/(?:v1\/.*|health)$/.test(path);
}

const refusals = {
  token: () => new Answer(401, 'Invalid token signature'),
  scope: (id: string) => new Answer(403, `vault ${id} is not in scope`),
  missing: (what: string, id: string) => new Answer(404, `${what} ${id} not found`),
  stale: () => new Answer(409, 'the item has another version'),
} as const;

const health = {
  name: '1Password Connect API',
  version: 'development',
  dependencies: [
    { service: 'sync', status: 'ACTIVE' },
    { service: 'sqlite', status: 'ACTIVE', message: 'in memory' },
  ],
};

export function createConnectApi(contents: Contents, now: () => number): ConnectApi {
  const tokens = new Map<string, Access>();
  const server = newId().toUpperCase();
  let shown: ReadonlyMap<string, ReadonlyMap<string, StoredItem>> | undefined;

  const itemsOf = (vault: StoredVault): ReadonlyMap<string, StoredItem> =>
    shown === undefined ? vault.items : (shown.get(vault.id) ?? new Map<string, never>());
  const opened = (vault: StoredVault, item: StoredItem): OpenItem => ({
    vault,
    item,
    overview: open(vault.key, item.encOverview) as Overview,
    details: open(vault.key, item.encDetails) as Details,
  });

  const vaultOf = ({ path: { vault: id = '' }, access, request }: Call): StoredVault => {
    const vault = contents.vaults.get(id);
    if (vault === undefined || !access.mayRead(vault.name)) throw refusals.scope(id);
    if (request.method !== 'GET' && !access.mayWrite(vault.name)) throw refusals.scope(id);
    return vault;
  };
  const itemOf = (call: Call): OpenItem => {
    const vault = vaultOf(call);
    const { item: id = '' } = call.path;
    const item = itemsOf(vault).get(id);
    if (item === undefined) throw refusals.missing('item', id);
    return opened(vault, item);
  };

  /** As the service itself takes it from any client: a version that is not the current one changes nothing. */
  const write = (vault: StoredVault, item: Partial<StoredItem> & Pick<StoredItem, 'uuid' | 'itemVersion'>) => {
    const { failedItems } = contents.write(vault, vault.contentVersion, [item], server);
    const made = vault.items.get(item.uuid);
    if (failedItems[item.uuid] !== undefined || made === undefined) throw refusals.stale();
    return wholeOf(opened(vault, made), now());
  };

  const routes: readonly Route[] = [
    {
      method: 'GET',
      path: 'vaults',
      answer({ request, access }) {
        const fits = filterOf(request.query);
        const all = [...contents.vaults.values()].filter(({ name }) => access.mayRead(name));
        return all.filter(({ name }) => fits({ title: name, tags: [] })).map(described);
      },
    },
    { method: 'GET', path: 'vaults/{vault}', answer: (call) => described(vaultOf(call)) },
    {
      method: 'GET',
      path: 'vaults/{vault}/items',
      answer(call) {
        const vault = vaultOf(call);
        const fits = filterOf(call.request.query);
        const active = [...itemsOf(vault).values()].filter(({ trashed }) => trashed === 'N');
        const items = active.map((item) => ({ vault, item, overview: open(vault.key, item.encOverview) as Overview }));
        return items.filter(({ overview: { title, tags = [] } }) => fits({ title, tags })).map(summaryOf);
      },
    },
    {
      method: 'POST',
      path: 'vaults/{vault}/items',
      answer(call) {
        const vault = vaultOf(call);
        const { template, overview, details } = givenItem(vault.id, call.request.body());
        const sealed = { encOverview: seal(vault.key, overview), encDetails: seal(vault.key, details) };
        return write(vault, { uuid: newId(), templateUuid: template, itemVersion: 0, ...sealed });
      },
    },
    {
      method: 'GET',
      path: 'vaults/{vault}/items/{item}',
      answer: async (call) => wholeOf(itemOf(call), now()),
    },
    {
      method: 'PUT',
      path: 'vaults/{vault}/items/{item}',
      answer(call) {
        const { vault, item, details: before } = itemOf(call);
        const { overview, details, version } = givenItem(vault.id, call.request.body(), { item, details: before });
        if (version !== undefined && version !== item.itemVersion) throw refusals.stale();
        const sealed = { encOverview: seal(vault.key, overview), encDetails: seal(vault.key, details) };
        const { uuid, templateUuid, itemVersion } = item;
        return write(vault, { uuid, templateUuid, itemVersion, ...sealed });
      },
    },
    {
      method: 'DELETE',
      path: 'vaults/{vault}/items/{item}',
      answer(call) {
        const { vault, item } = itemOf(call);
        const { uuid, templateUuid, itemVersion } = item;
        // as Connect 1.1 and later: for good, and not to the archive
        const gone = { uuid, templateUuid, itemVersion, trashed: 'D' };
        const { failedItems } = contents.write(vault, vault.contentVersion, [gone], server);
        if (failedItems[uuid] !== undefined) throw new Error('Connect has no status of its own for it');
        return undefined;
      },
    },
    {
      method: 'GET',
      path: 'vaults/{vault}/items/{item}/files',
      answer: async (call) => (await wholeOf(itemOf(call), now())).files,
    },
    {
      method: 'GET',
      path: 'vaults/{vault}/items/{item}/files/{file}/content',
      answer(call) {
        const { file: id = '' } = call.path;
        const { vault, details } = itemOf(call);
        const file = filesOf(details).find(({ attributes }) => attributes.documentId === id);
        if (file === undefined) throw refusals.missing('file', id);
        return Buffer.from(openFile(file.attributes, vault.files.get(id)), 'utf8');
      },
    },
  ];

  const answerTo = async (request: ConnectRequest): Promise<ConnectAnswer> => {
    if (request.method === 'GET' && request.path === '/health') return { status: 200, body: health };
    const access = tokens.get(/^Bearer (?<token>\S+)$/.exec(request.authorization)?.groups?.['token'] ?? '');
    if (access === undefined) throw refusals.token();
    for (const { method, path, answer } of routes) {
      const found = method === request.method ? formOf(path).exec(request.path) : null;
      if (found === null) continue;
      const body = await answer({ request, path: found.groups ?? {}, access });
      return { status: body === undefined ? 204 : 200, body };
    }
    throw new Answer(404, 'no such path');
  };

  return {
    token({ vaults, access }) {
      const token = `connect_${randomBytes(32).toString('base64url')}`;
      const mayRead = (vault: string) => vaults?.some((name) => sameName(name, vault)) ?? true;
      tokens.set(token, { mayRead, mayWrite: (vault) => mayRead(vault) && access !== 'read' });
      return new Secret(token);
    },
    revoke: (token) => void tokens.delete(token.reveal()),
    setLag(lags) {
      shown = lags ? new Map([...contents.vaults].map(([id, { items }]) => [id, new Map(items)])) : undefined;
    },
    answer: (request) =>
      answerTo(request).catch((error: unknown) => {
        const { status, message } = error instanceof Answer ? error : new Answer(500, 'something went wrong');
        return { status, body: { status, message } };
      }),
  };
}

function formOf(path: string): RegExp {
  return new RegExp(`^/v1/${path.replaceAll(/\{(\w+)\}/g, '(?<$1>[^/]+)')}/?$`);
}

function described({ id, name, contentVersion, createdAt, items }: StoredVault) {
  return {
    id,
    name,
    attributeVersion: 1,
    contentVersion,
    items: [...items.values()].filter(({ trashed }) => trashed === 'N').length,
    type: 'USER_CREATED',
    createdAt,
    updatedAt: createdAt,
  };
}
