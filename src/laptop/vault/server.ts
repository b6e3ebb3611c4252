import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Secret } from '../../foundation/secret.ts';
import { bodyOf, endNow, listenOnLoopback } from '../loopback-server.ts';
import { Answer, answers } from './refusal-answers.ts';
import { type ConnectApi, createConnectApi, isConnectPath } from './connect/api.ts';
import { createContents } from './contents.ts';
import { createQuota } from './request-quota.ts';
import { answerTo, type Service } from './routes.ts';
import type { DumpedItem, FieldSeed, ItemSeed, RequestLimits, VaultSeed } from './seeds.ts';
import { createServiceAccounts, type TokenOptions } from './service-accounts.ts';
import { createSessions } from './sessions.ts';

export interface VaultOptions {
  readonly vaults: readonly VaultSeed[];
  /** 0, the default: a free one */
  readonly port?: number;
  /** epoch milliseconds */
  readonly now?: () => number;
  readonly limits?: RequestLimits;
  /** what it is called where something with TLS stands before it */
  readonly name?: string;
}

/** A service that the unmodified 1Password SDK signs in to. Everything in it is made at start and gone at the end. */
export interface DevelopmentVault {
  /** `http://127.0.0.1:PORT` */
  readonly address: string;
  /** A new service account's token, `ops_…`, for all vaults and for writing where nothing else is said. */
  token(options?: TokenOptions): Secret;
  /** A new access token for the same vaults as 1Password Connect serves them, at the same address. */
  connectToken(options?: TokenOptions): Secret;
  /** Whether what Connect shows stays as it is now: its sync has not come yet. */
  setConnectLag(lags: boolean): void;
  /** The token is refused from now on, in open sessions too. */
  revoke(token: Secret): void;
  /** Replaces all limits; what was spent is forgotten. */
  setLimits(limits: RequestLimits): void;
  /** all requests since the start, sign-in and refused ones too */
  requests(): number;
  /** Ends all sessions, as time or a restart of the service does; clients sign in again by themselves. */
  expireSessions(): void;
  /** Milliseconds that each answer is held back; 0 at first. */
  setDelay(milliseconds: number): void;
  /** Adds a vault, where there is none of that name. */
  addVault(name: string): void;
  /** Adds an item, and its vault where there is none of that name. */
  add(vault: string, item: ItemSeed): void;
  /** Gives the item of this title further fields, as a change of the item; nothing where it is gone. */
  extend(vault: string, title: string, fields: readonly FieldSeed[]): void;
  /** Everything decrypted; for tests. */
  dump(): readonly DumpedItem[];
  close(): Promise<void>;
}

const largestBody = 8 * 1024 * 1024;

/** Starts the service on loopback. */
export async function startVault(options: VaultOptions): Promise<DevelopmentVault> {
  const now = options.now ?? Date.now;
  const contents = createContents(options.vaults, now);
  const service: Service = {
    accounts: await createServiceAccounts(),
    sessions: createSessions(),
    contents,
    quota: createQuota(now, options.limits ?? {}),
  };
  const connect = createConnectApi(contents, now);
  let requests = 0;
  let delay = 0;
  const server = createServer((request, response) => {
    requests += 1;
    void respond({ service, connect, name: options.name, delay: () => delay }, request, response);
  });
  const address = `http://${await listenOnLoopback(server, options.port)}`;

  return {
    address,
    token: (wanted = {}) => service.accounts.create(address, wanted),
    connectToken: (wanted = {}) => connect.token(wanted),
    setConnectLag: connect.setLag,
    revoke(token) {
      connect.revoke(token);
      const account = service.accounts.revoke(token);
      if (account !== undefined) service.sessions.endOf(account);
    },
    setLimits: (limits) => service.quota.set(limits),
    requests: () => requests,
    expireSessions: () => service.sessions.endAll(),
    setDelay(milliseconds) {
      delay = milliseconds;
    },
    addVault: (name) => service.contents.addVault(name),
    add: (vault, item) => service.contents.add(vault, item),
    extend: (vault, title, fields) => service.contents.extend(vault, title, fields),
    dump: () => service.contents.dump(),
    close: () => endNow(server),
  };
}

interface Doors {
  readonly service: Service;
  readonly connect: ConnectApi;
  readonly name: string | undefined;
  readonly delay: () => number;
}

async function respond(doors: Doors, request: IncomingMessage, response: ServerResponse): Promise<void> {
  let status = 200;
  let body: unknown;
  const headers: Record<string, string> = { 'content-type': 'application/json', 'cache-control': 'no-store' };
  try {
    const host = hostOf(request, doors.name);
    const sent = await bodyOf(request, largestBody, answers.tooLarge);
    const [path, query] = split(request.url ?? '');
    const method = request.method ?? '';
    if (isConnectPath(path)) {
      const authorization = header(request, 'authorization');
      const asked = { method, path, query, authorization, body: () => parsed(sent) };
      ({ status, body } = await doors.connect.answer(asked));
    } else {
      const [sessionId, mac] = [header(request, 'x-agilebits-session-id'), header(request, 'x-agilebits-mac')];
      body = answerTo(doors.service, { method, host, path, query, sessionId, mac }, () => parsed(sent));
    }
  } catch (error) {
    const answer = error instanceof Answer ? error : new Answer(500, 'internal error');
    status = answer.status;
    body = { errorCode: answer.status, errorMessage: answer.message };
    if (answer.retryAfter !== undefined) headers['retry-after'] = String(answer.retryAfter);
  }
  if (doors.delay() > 0) await sleep(doors.delay());
  if (Buffer.isBuffer(body)) headers['content-type'] = 'application/octet-stream';
  response.writeHead(status, headers).end(Buffer.isBuffer(body) ? body : JSON.stringify(body));
}

/** A page in a browser must not reach the vault through a name that resolves to loopback. */
function hostOf(request: IncomingMessage, name: string | undefined): string {
  if (name !== undefined && request.headers.host === name) return name;
  const host = /^(?<name>127\.0\.0\.1|localhost)(?<port>:\d+)?$/i.exec(request.headers.host ?? '')?.groups?.['name'];
  if (host === undefined || request.headers.origin !== undefined) throw answers.forbidden();
  return host;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw answers.badRequest();
  }
}

function split(url: string): readonly [string, string] {
  const mark = url.indexOf('?');
  return mark === -1 ? [url, ''] : [url.slice(0, mark), url.slice(mark + 1)];
}

function header(request: IncomingMessage, name: string): string {
  const value = request.headers[name];
  return typeof value === 'string' ? value : '';
}
