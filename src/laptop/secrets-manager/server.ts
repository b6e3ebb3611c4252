import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { partitionOf } from '../../adapters/aws/partitions.ts';
import { Secret } from '../../foundation/secret.ts';
import { bodyOf, endNow, listenOnLoopback } from '../loopback-server.ts';
import { createFaults, type Faults } from './injected-faults.ts';
import { createHistory } from './listing-lag.ts';
import { parseInput, type Input } from './request-input.ts';
import { readsOf } from './reads.ts';
import { details } from './replicas.ts';
import { Refusal } from '../aws/refusal.ts';
import { verifySignature, type AccessKey } from '../aws/signature.ts';
import { answerCallerIdentity, answerWebIdentity, failStsAs, isSts, type Trust } from '../aws/sts.ts';
import type { State, StoredSecret } from './stored-secrets.ts';
import { tagging } from './tags.ts';
import { writes } from './writes.ts';

export interface SecretsManagerOptions {
  /** default 0: a free one */
  readonly port?: number;
  /** twelve digits, default 123456789012 */
  readonly account?: string;
  /** what it is called where something with TLS stands before it */
  readonly names?: readonly string[];
  /** default eu-west-1 */
  readonly region?: string;
  /** besides the one that is made at start */
  readonly accessKeys?: readonly AccessKey[];
  /** whose tokens may take which role, by its ARN; no other role is given */
  readonly roles?: Readonly<Record<string, Trust>>;
  /** epoch milliseconds */
  readonly now?: () => number;
}

export interface DevelopmentSecretsManager {
  /** `http://127.0.0.1:PORT`, for Secrets Manager and for STS */
  readonly address: string;
  readonly account: string;
  readonly region: string;
  /** made at start */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: Secret };
  /** requests by operation since the start, refused ones too */
  calls(): Readonly<Record<string, number>>;
  readonly faults: Faults;
  /** says who alone writes a secret: a service, or the primary that it is a copy of */
  own(name: string, owner: StoredSecret['owner'] & object): void;
  /** what is stored, for tests */
  dump(): readonly DumpedSecret[];
  close(): Promise<void>;
}

interface DumpedSecret {
  readonly name: string;
  readonly arn: string;
  readonly description: string | undefined;
  readonly kmsKeyId: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
  /** regions of its replicas */
  readonly replicas: readonly string[];
  readonly policy: string | undefined;
  readonly deleted: boolean;
  readonly versions: readonly { readonly id: string; readonly stages: readonly string[]; readonly value: Secret }[];
}

/** AWS Secrets Manager (awsJson1_1), and of STS GetCallerIdentity and AssumeRoleWithWebIdentity, on loopback, in memory, with AWS's types of errors. */
export async function startSecretsManager(options: SecretsManagerOptions = {}): Promise<DevelopmentSecretsManager> {
  const { account = '123456789012', region = 'eu-west-1', now = Date.now } = options;
  const own: AccessKey = {
    id: `AKIA${randomBytes(10).toString('hex').toUpperCase().slice(0, 16)}`,
    secret: new Secret(randomBytes(30).toString('base64')),
  };
  const keys = new Map<string, AccessKey>([own, ...(options.accessKeys ?? [])].map((key) => [key.id, key]));
  const { faults, next, settings, pageLimit, replicationFailure } = createFaults();
  const secrets = new Map<string, StoredSecret>();
  const history = createHistory(secrets, now, () => settings.listLag);
  const { id: partition } = partitionOf(region);
  const user = `arn:${partition}:iam::${account}:user/development`;
  const { record: changed } = history;
  const state: State = {
    partition,
    account,
    region,
    now,
    secrets,
    vanishing: new Map(),
    replicationFailure,
    changed,
  };
  const operations: Readonly<Record<string, (state: State, input: Input) => object>> = {
    ...readsOf(history.listed, pageLimit),
    ...writes,
    ...tagging,
    ...details,
  };
  const calls: Record<string, number> = {};

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request, 2_000_000, () => new Error('the request is too large'));
    const sts = isSts(request.headers);
    const target = String(request.headers['x-amz-target'] ?? '');
    const operation = sts
      ? (new URLSearchParams(body).get('Action') ?? 'Unknown')
      : target.replace(/^secretsmanager\./, '');
    const known = sts || Object.hasOwn(operations, operation);
    if (known) calls[operation] = (calls[operation] ?? 0) + 1;
    if (settings.delay > 0) await sleep(settings.delay);
    try {
      if (operation === 'AssumeRoleWithWebIdentity') {
        const fault = next(operation, undefined, user);
        if (fault?.kind === 'refusal') throw fault.refusal;
        const trust = options.roles?.[new URLSearchParams(body).get('RoleArn') ?? ''];
        const { status, xml } = answerWebIdentity(body, { trust, now, issued: (key) => void keys.set(key.id, key) });
        return send(response, status, 'text/xml', xml);
      }
      const signed = { method: request.method ?? 'POST', path: request.url ?? '/', headers: request.headers, body };
      const key = await verifySignature(signed, keys, { region, service: sts ? 'sts' : 'secretsmanager', now });
      const input = sts ? {} : parseInput(body);
      const fault = next(operation, input['SecretId'] ?? input['Name'], user);
      if (fault?.kind === 'refusal') throw fault.refusal;
      if (fault?.kind === 'html')
        return send(response, 500, 'text/html', '<!doctype html><title>500</title><h1>Internal Server Error</h1>');
      if (fault?.kind === 'answer') return send(response, 200, 'application/x-amz-json-1.1', fault.body);
      if (fault?.kind === 'redirect') return void response.writeHead(307, { location: fault.location }).end();
      if (sts) {
        const { status, xml } = answerCallerIdentity(body, { account, user, ...key, accessKeyId: key.id });
        return send(response, status, 'text/xml', xml);
      }
      const perform = known ? operations[operation] : undefined;
      if (perform === undefined) throw new Refusal('UnknownOperationException', '');
      const output = perform(state, input);
      settings.watcher(operation);
      if (fault?.kind === 'lost') return void request.socket.destroy();
      sendJson(response, 200, output);
    } catch (error) {
      const refusal =
        error instanceof Refusal
          ? error
          : new Refusal('InternalServiceError', 'An error occurred on the server side.', 500);
      if (!sts) return sendJson(response, refusal.status, { __type: refusal.type, Message: refusal.message });
      const { status, xml } = failStsAs(refusal);
      send(response, status, 'text/xml', xml);
    }
  }

  const server = createServer((request, response) => {
    // a page in a browser that resolves its own name to loopback has no business here
    const { host = '' } = request.headers;
    if (options.names?.includes(host) !== true && !/^(?:127(?:\.\d{1,3}){3}|localhost|\[::1\])(?::\d+)?$/.test(host)) {
      return send(response, 421, 'text/plain', 'not here');
    }
    if (request.method !== 'POST' || request.url !== '/') return send(response, 404, 'text/plain', 'not here');
    answer(request, response).catch(() => response.destroy());
  });
  const host = await listenOnLoopback(server, options.port);

  return {
    address: `http://${host}`,
    account,
    region,
    credentials: { accessKeyId: own.id, secretAccessKey: own.secret },
    calls: () => ({ ...calls }),
    faults,
    own(name, owner) {
      const secret = secrets.get(name);
      if (secret === undefined) throw new TypeError(`no secret ${name}`);
      secret.owner = owner;
      history.record(secret);
    },
    dump: () => [...secrets.values()].map(dumped),
    close: () => endNow(server),
  };
}

function dumped(secret: StoredSecret): DumpedSecret {
  return {
    name: secret.name,
    arn: secret.arn,
    description: secret.description,
    kmsKeyId: secret.kmsKeyId,
    tags: Object.fromEntries(secret.tags),
    replicas: [...secret.replicas.keys()],
    policy: secret.policy,
    deleted: secret.deletedAt !== undefined,
    versions: [...secret.versions.values()].map((version) => ({
      id: version.id,
      stages: [...version.stages],
      value: new Secret(version.value.value),
    })),
  };
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  send(response, status, 'application/x-amz-json-1.1', JSON.stringify(body));
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response
    .writeHead(status, {
      'content-type': type,
      'content-length': Buffer.byteLength(body),
      'x-amzn-requestid': crypto.randomUUID(),
      'cache-control': 'no-store',
    })
    .end(body);
}
