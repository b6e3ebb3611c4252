import { readFileSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { openApp } from '../../src/app/open-app.ts';
import { takeEnvironment } from '../../src/foundation/environment-variables.ts';
import { bearerHash, createBearer } from '../../src/broker/authentication/bearer-token.ts';
import { signClaim } from '../../src/broker/authentication/operator-token.ts';
import { createLogger } from '../../src/surfaces/server/log.ts';
import { serve } from '../../src/surfaces/server/start.ts';
import { createHome, type Home } from '../e2e/home.ts';

/** policy.yaml in which three people approve what codex asks for, and one more whom an issuer proves. */
const policy = (hash: string, trust: string | undefined) => `# who may what
default: deny
approvers:
  ann: { reveal: [break-glass] }
  bo: {}
  cy: { owner-of: [codex] }
${trust === undefined ? '' : `  dana: { trust: ${trust}, reveal: [break-glass] }\n`}agents:
  codex:
    tokens: [{ sha256: ${hash} }]
    deny: [github.admin_token]
    allow: [openai.api_key, github.*, stripe.live_key]
    flows: [orders-token]
    max-ttl: 15m
    rate: 600/minute
    approve:
      - { names: [stripe.live_key], scope: call, by: [ann, cy${trust === undefined ? '' : ', dana'}] }
      - { names: [openai.api_key], scope: call, by: [ann, bo], needs: 2 }
      - { names: [github.*], scope: run, by: [ann, bo], expires: 8h }
`;

/**
 * A broker of the laptop with a page, and an agent that must ask people first.
 * @param trust proves `dana` @param prepare changes the folder first
 */
export async function startPage(trust?: string, prepare: (home: Home) => void = () => undefined) {
  const home = createHome();
  prepare(home);
  const closing = new AsyncDisposableStack();
  closing.defer(() => home.close());
  const stack = await home.stack();
  const bearer = createBearer().reveal();
  const dir = join(home.work, 'flows');
  writeFileSync(join(dir, 'policy.yaml'), policy(bearerHash(bearer) ?? '', trust));
  const app = await openApp({ dir, environment: 'development', taken: takeEnvironment({}), warn: () => undefined });
  closing.defer(app.close);
  const service = await serve({
    app,
    listen: { port: 0 },
    log: createLogger('silent'),
    onProblems(problems) {
      throw new Error(problems.map(({ message }) => message).join('\n'));
    },
    warn: () => undefined,
    anchor: () => undefined,
  });
  closing.defer(service.close);
  const { url = '', page: origin = '' } = service;
  const [key] = await (await app.connections()).derivedKeys('operator');

  const link = (what: string) => signClaim(key, { user: 'op', for: what, lifetime: 900, now: Date.now() }).reveal();
  const asPage = { origin, host: new URL(origin).host, 'sec-fetch-site': 'same-origin' };
  const { session } = await ask('POST', new URL('/v1/page/login', url), { link: link('page') }, asPage);
  const seen = (path: string) =>
    ask('GET', new URL(`/v1/page/${path}`, url), undefined, { ...asPage, authorization: `Bearer ${String(session)}` });

  // opened when it is first asked for, which takes a moment
  await seen('approvals');

  return {
    home,
    stack,
    dir,
    origin,
    app,
    /** the audit trail's file */
    trail: service.trail,
    close: () => closing.disposeAsync(),
    /** as the command makes it: once, for 15 minutes */
    link,
    /** passkeys that count by now */
    async inForce(name: string): Promise<number> {
      const { approvers } = await seen('policy');
      return (
        (approvers as { name: string; passkeys: unknown[] }[]).find((each) => each.name === name)?.passkeys.length ?? 0
      );
    },
    approval: (id: string) => seen(`approvals/${id}`),
    overview: () => seen('overview'),
    /** what was signed, as the trail has it */
    signed(id: string): Readonly<Record<string, unknown>> | undefined {
      const lines = readFileSync(service.trail, 'utf8').trim().split('\n');
      const found = lines
        .map((line) => JSON.parse(line))
        .find(({ approval, signed }) => approval === id && signed !== undefined);
      return found === undefined ? undefined : JSON.parse(found.signed.statement);
    },
    asAgent: (path: string, body?: unknown, token = bearer, approval?: string) =>
      ask('POST', new URL(path, url), body ?? {}, {
        authorization: `Bearer ${token}`,
        ...(approval === undefined ? {} : { 'approval-id': approval }),
      }),
  };
}

export type Page = Awaited<ReturnType<typeof startPage>>;

/** What is answered, as far as a test looks into it. */
export interface Told extends Readonly<Record<string, unknown>> {
  readonly approval?: { readonly id: string };
  readonly resolved?: Readonly<Record<string, string>>;
}

/** As no browser asks: nothing is added to what is said here. */
async function ask(
  method: 'GET' | 'POST',
  url: URL,
  body: unknown,
  headers: Readonly<Record<string, string>>,
): Promise<Told> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const ofBody =
    text === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) };
  const asking = request(url, { method, headers: { ...ofBody, ...headers }, agent: false });
  asking.end(text);
  const [response] = (await once(asking, 'response')) as [IncomingMessage];
  return JSON.parse(Buffer.concat((await response.toArray()) as Buffer[]).toString()) as Told;
}
