import { answers } from './refusal-answers.ts';
import type { Contents, StoredItem, StoredVault } from './contents.ts';
import type { Quota } from './request-quota.ts';
import { seal, sealFor } from './encrypted-values.ts';
import type { ServiceAccount, ServiceAccounts } from './service-accounts.ts';
import type { Session, Sessions, SignedRequest } from './sessions.ts';

export interface Service {
  readonly accounts: ServiceAccounts;
  readonly sessions: Sessions;
  readonly contents: Contents;
  readonly quota: Quota;
}

interface Call {
  readonly service: Service;
  readonly request: SignedRequest;
  /** parts of the path that the route names */
  readonly path: Readonly<Record<string, string>>;
  readonly body: unknown;
}

interface Route {
  readonly method: string;
  readonly path: RegExp;
  /** `sign-in` routes are plain JSON; all others need a session, are encrypted both ways (bytes are so already) and count */
  readonly kind: 'sign-in' | 'session' | 'read' | 'write';
  answer(call: Call, session: () => Session): unknown;
}

/** permissions of a vault's access list */
const acl = { read: 32, update: 64, create: 128, reveal: 16, archive: 256, delete: 512, history: 1024 } as const;
const readable = acl.read | acl.reveal;
const writable = readable | acl.update | acl.create | acl.archive | acl.delete | acl.history;

const routes: readonly Route[] = [
  {
    method: 'POST',
    path: /^\/api\/v3\/auth\/start$/,
    kind: 'sign-in',
    answer({ service, body }) {
      const account = service.accounts.find(text(body, 'email'), text(body, 'skid'));
      if (account === undefined) throw answers.notAuthenticated();
      service.quota.assertOpen(account.email);
      return {
        status: 'ok',
        sessionID: service.sessions.start(account),
        accountKeyFormat: 'A3',
        accountKeyUuid: account.keyId,
        userAuth: account.userAuth,
      };
    },
  },
  {
    method: 'POST',
    path: /^\/api\/v2\/auth$/,
    kind: 'sign-in',
    answer: ({ service, request, body }) => ({
      userB: service.sessions.challenge(request.sessionId, text(body, 'userA')),
    }),
  },
  {
    method: 'POST',
    path: /^\/api\/v2\/auth\/confirm-key$/,
    kind: 'sign-in',
    answer: ({ service, request, body }) => ({
      serverVerifyHash: service.sessions.confirm(request.sessionId, text(body, 'clientVerifyHash')),
    }),
  },
  {
    method: 'POST',
    path: /^\/api\/v2\/auth\/complete$/,
    kind: 'session',
    answer: (_call, session) => ({ userUuid: session().account.userId }),
  },
  {
    method: 'GET',
    path: /^\/api\/v2\/account\/keysets$/,
    kind: 'session',
    answer: (_call, session) => ({ version: 1, keysets: [session().account.keyset] }),
  },
  {
    method: 'GET',
    path: /^\/api\/v1\/vaults$/,
    kind: 'read',
    answer: ({ service }, session) =>
      [...service.contents.vaults.values()]
        .filter((vault) => session().account.mayRead(vault.name))
        .map((vault) => described(vault, session().account)),
  },
  {
    method: 'GET',
    path: /^\/api\/v3\/vault\/(?<vault>[^/]+)$/,
    kind: 'read',
    answer: (call, session) => described(visible(call, session()), session().account),
  },
  {
    method: 'GET',
    path: /^\/api\/v1\/vault\/(?<vault>[^/]+)\/items\/overviews$/,
    kind: 'read',
    answer(call, session) {
      const vault = visible(call, session());
      const items = [...vault.items.values()].map((item) => ({ ...item, encDetails: undefined }));
      return { contentVersion: vault.contentVersion, batchComplete: true, items };
    },
  },
  {
    method: 'GET',
    path: /^\/api\/v1\/vault\/(?<vault>[^/]+)\/item\/(?<item>[^/]+)$/,
    kind: 'read',
    answer(call, session) {
      const vault = visible(call, session());
      const item = vault.items.get(call.path['item'] ?? '');
      if (item === undefined) throw answers.notFound();
      return { contentVersion: vault.contentVersion, item };
    },
  },
  {
    method: 'POST',
    path: /^\/api\/v3\/vault\/(?<vault>[^/]+)\/items\/batch$/,
    kind: 'read',
    answer(call, session) {
      const vault = visible(call, session());
      const ids = list(call.body, 'itemUuids');
      if (ids.length > 50) throw answers.badRequest();
      const items = ids
        .map((id) => vault.items.get(String(id)))
        .filter((item): item is StoredItem => item !== undefined);
      return { contentVersion: vault.contentVersion, items };
    },
  },
  {
    method: 'GET',
    path: /^\/api\/v3\/file\/(?<file>[^/]+)$/,
    kind: 'read',
    answer({ service, path }, session) {
      for (const vault of service.contents.vaults.values()) {
        const content = session().account.mayRead(vault.name) ? vault.files.get(path['file'] ?? '') : undefined;
        if (content !== undefined) return content;
      }
      throw answers.notFound();
    },
  },
  {
    method: 'PATCH',
    path: /^\/api\/v3\/vault\/(?<vault>[^/]+)\/(?<version>\d+)\/items$/,
    kind: 'write',
    answer(call, session) {
      const vault = visible(call, session());
      const { account } = session();
      if (!account.mayWrite(vault.name)) throw answers.forbidden();
      if (!Array.isArray(call.body)) throw answers.badRequest();
      return call.service.contents.write(vault, Number(call.path['version']), call.body, account.userId);
    },
  },
];

/** @throws Answer what the service refuses */
export function answerTo(service: Service, request: SignedRequest, body: () => unknown): unknown {
  for (const route of routes) {
    const found = route.method === request.method ? route.path.exec(request.path) : null;
    if (found === null) continue;
    const path = found.groups ?? {};
    if (route.kind === 'sign-in') return route.answer({ service, request, path, body: body() }, noSession);
    const session = service.sessions.authorise(request);
    if (route.kind !== 'session') service.quota.spend(session.account.email, route.kind);
    const opened = request.method === 'GET' ? undefined : session.open(body());
    const answer = route.answer({ service, request, path, body: opened }, () => session);
    return Buffer.isBuffer(answer) ? answer : session.seal(answer);
  }
  throw answers.notFound();
}

function noSession(): Session {
  throw answers.notAuthenticated();
}

/** The vault of the path, where the token may see it; a foreign vault looks like none. */
function visible(call: Call, session: Session): StoredVault {
  const vault = call.service.contents.vaults.get(call.path['vault'] ?? '');
  if (vault === undefined || !session.account.mayRead(vault.name)) throw answers.notFound();
  return vault;
}

function described(vault: StoredVault, account: ServiceAccount): unknown {
  const access = account.mayWrite(vault.name) ? writable : readable;
  return {
    uuid: vault.id,
    type: 'U',
    createdAt: vault.createdAt,
    updatedAt: vault.createdAt,
    attrVersion: 1,
    contentVersion: vault.contentVersion,
    encAttrs: seal(vault.key, { type: 'U', name: vault.name, desc: '' }),
    activeItemCount: [...vault.items.values()].filter((item) => item.trashed === 'N').length,
    clientAccess: access,
    combinedAccess: {
      vaultUuid: vault.id,
      accessorType: 'user',
      accessorUuid: account.userId,
      accessVersion: 1,
      acl: access,
      leaseTimeout: 0,
      vaultKeySN: 1,
      encryptedBy: account.keysetId,
      encVaultKey: sealFor(account.keysetId, account.keys, vault.key),
    },
  };
}

function text(body: unknown, key: string): string {
  const value = typeof body === 'object' && body !== null ? (body as Record<string, unknown>)[key] : undefined;
  if (typeof value !== 'string') throw answers.badRequest();
  return value;
}

function list(body: unknown, key: string): readonly unknown[] {
  const value = typeof body === 'object' && body !== null ? (body as Record<string, unknown>)[key] : undefined;
  if (!Array.isArray(value)) throw answers.badRequest();
  return value;
}
