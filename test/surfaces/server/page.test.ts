import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished, test } from 'vitest';
import type { Database } from '../../../src/durable/database/contract.ts';
import { createAuthenticator } from '../../../src/broker/authentication/authenticate.ts';
import { bearerHash, createBearer } from '../../../src/broker/authentication/bearer-token.ts';
import { createClaimCheck, signClaim } from '../../../src/broker/authentication/operator-token.ts';
import { keptInMemory } from '../../../src/broker/kept/in-memory.ts';
import { systemClock } from '../../../src/foundation/clocks.ts';
import { type PageAddress, pageAddress } from '../../../src/broker/people/page-address.ts';
import { createUpstreamFailures, type UpstreamFailure } from '../../../src/broker/upstream-failures.ts';
import { FlowError } from '../../../src/foundation/errors.ts';
import { pagePaths, paths } from '../../../src/foundation/wire.ts';
import { createSoftwarePasskey } from '../../../src/laptop/software-passkey.ts';
import { startServer } from '../../../src/surfaces/server/http-server.ts';
import { createLogger } from '../../../src/surfaces/server/log.ts';
import { approving } from '../../broker/approvals/stand.ts';
import { operatorKey, peopledOn } from '../../broker/people/stand.ts';

const rule = { names: ['openai.api_key'], by: ['ann', 'bo'] };

/**
 * A broker with a page, over HTTP, at a port of its own; another one, twice at most, where somebody took that meanwhile.
 * @param sharing its sessions are in the database
 */
async function served(port?: number, sharing = false) {
  const stand = await approving(rule);
  if (port !== undefined) return servedAt(stand, port, sharing);
  for (let others = 2; ; others -= 1) {
    try {
      return await servedAt(stand, await freePort(), sharing);
    } catch (error) {
      if (others === 0 || !isTaken(error)) throw error;
    }
  }
}

function isTaken(error: unknown): boolean {
  const cause = error instanceof FlowError ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE';
}

async function servedAt(on: Awaited<ReturnType<typeof approving>>, found: number, sharing: boolean) {
  const stand = peopledOn(on, `http://localhost:${found}`);
  const bearer = createBearer().reveal();
  const tokens = [{ sha256: bearerHash(bearer) ?? '', expires: undefined }];
  const authenticator = createAuthenticator({
    policy() {
      const codex = stand.policy().agents.get('codex');
      if (codex === undefined) throw new TypeError('no codex');
      return { agents: new Map([['codex', { ...codex, tokens }]]) };
    },
    now: Date.now,
    development: true,
  });
  /** what the operator is told */
  const told: UpstreamFailure[] = [];
  let address: PageAddress | undefined;
  const { reveals, approvals, sights, broker } = stand;
  const { people, decisions } = sharing ? stand.sharing() : stand;
  const overview = async () => ({
    environment: 'development',
    policy: 'v1',
    checks: { trail: true },
    wrong: [],
    refusals: {},
    failures: {},
    requests: {},
  });
  const server = await startServer({
    broker: stand.broker,
    authenticator,
    operators: createClaimCheck({ keys: [operatorKey], kept: keptInMemory(systemClock), now: Date.now }),
    trail: { record: async (event) => void stand.trail.events.push(event) },
    listen: { port: found },
    log: createLogger('silent'),
    failures: createUpstreamFailures((failure) => void told.push(failure), stand.clock),
    ready: () => ({}),
    overview,
    approvals,
    page: {
      people,
      decisions,
      reveals,
      approvals,
      sights,
      overview,
      agentRuns: broker.agentRuns,
      runs: broker.runsSeen,
      at: () => address,
      local: true,
      listening(at) {
        address = pageAddress(`http://localhost:${at}`);
      },
    },
    grace: 1_000,
  });
  onTestFinished(() => server.close());
  const origin = `http://localhost:${found}`;

  function ask(method: 'GET' | 'POST', path: string, body?: unknown, headers: Record<string, string> = {}) {
    return asked({ port: found, method, path, body, headers });
  }
  const page = { origin, 'sec-fetch-site': 'same-origin', host: `localhost:${found}` };
  return {
    ...stand,
    told,
    port: found,
    close: server.close,
    origin,
    bearer,
    ask,
    /** as the page's script asks */
    fromPage: (method: 'GET' | 'POST', path: string, body?: unknown, session?: string) =>
      ask(method, path, body, { ...page, ...(session === undefined ? {} : { authorization: `Bearer ${session}` }) }),
    asAgent: (path: string, body?: unknown, headers: Record<string, string> = {}) =>
      ask(body === undefined ? 'GET' : 'POST', path, body, { authorization: `Bearer ${bearer}`, ...headers }),
    asOperator: (method: 'GET' | 'POST', path: string) => {
      const claim = signClaim(operatorKey, { user: 'op', for: `${method} ${path}`, lifetime: 60, now: Date.now() });
      return ask(method, path, undefined, { authorization: `Bearer ${claim.reveal()}` });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

interface Said {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: IncomingMessage['headers'];
}

function sent(options: {
  port: number;
  method: string;
  path: string;
  body?: unknown;
  headers: Record<string, string>;
}) {
  const text = options.body === undefined ? undefined : JSON.stringify(options.body);
  const { port, method, path } = options;
  const headers = {
    ...(text === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) }),
    ...options.headers,
  };
  const outgoing: ClientRequest = request({ host: '127.0.0.1', port, method, path, headers, agent: false });
  outgoing.end(text);
  return outgoing;
}

function asked(options: Parameters<typeof sent>[0]): Promise<Said> {
  return new Promise((resolve, reject) => {
    sent(options)
      .once('error', reject)
      .once('response', (response) => {
        void response.toArray().then((chunks: Buffer[]) => {
          const text = Buffer.concat(chunks).toString();
          const body = (text === '' ? {} : JSON.parse(text)) as Said['body'];
          return resolve({ status: response.statusCode ?? 0, body, headers: response.headers });
        }, reject);
      });
  });
}

const optionsIn = ({ body }: Said) => body['options'] as Readonly<Record<string, unknown>>;
async function fileAt(port: number, path: string, method: string, headers: Record<string, string>) {
  const [response] = (await once(sent({ port, method, path, headers }), 'response')) as [IncomingMessage];
  const text = Buffer.concat((await response.toArray()) as Buffer[]).toString();
  return { status: response.statusCode ?? 0, headers: response.headers, text };
}

const resolving = { secrets: ['openai.api_key'] };

describe('an approval over HTTP', () => {
  it('goes from the agent to the page and back', async () => {
    const stand = await served();
    const { fromPage, asAgent, link, challengeIn, page } = stand;
    const begun = await fromPage('POST', pagePaths.enrolOptions, { approver: 'ann', link: link('enrol ann') });
    const passkey = createSoftwarePasskey();
    const registration = passkey.register({ ...page, challenge: challengeIn(optionsIn(begun)) });
    const enrolled = await fromPage('POST', pagePaths.enrol, { ticket: begun.body['ticket'], registration });
    expect(enrolled.body).toMatchObject({ person: { approver: 'ann', by: 'passkey' } });
    const session = String(enrolled.body['session']);

    const refused = await asAgent(paths.secrets, { ...resolving, reason: 'refund 7' });
    expect(refused.status).toBe(403);
    expect(refused.body).toMatchObject({ code: 'approval-required', names: ['openai.api_key'] });
    const { id, url } = refused.body['approval'] as { id: string; url: string };
    expect(url).toMatch(new RegExp(`^http://localhost:\\d+/#/approvals/${id}$`));

    const list = await fromPage('GET', `${pagePaths.approvals}?state=pending`, undefined, session);
    expect(list.body['approvals']).toMatchObject([{ id, asked: { reason: 'refund 7' } }]);
    const path = (which: string) => which.replace('{id}', id);
    const challenge = await fromPage('POST', path(pagePaths.challenge), { decision: 'approve' }, session);
    const assertion = passkey.assert({ ...page, challenge: challengeIn(optionsIn(challenge)) });
    const answer = { ticket: challenge.body['ticket'], assertion };
    const look = asAgent(`${path(paths.approval)}?wait=30`);
    const decided = await fromPage('POST', path(pagePaths.decision), answer, session);
    expect([decided.status, decided.body['state']]).toEqual([200, 'approved']);
    expect((await look).body).toMatchObject({ id, state: 'approved', names: ['openai.api_key'] });
    expect((await fromPage('POST', path(pagePaths.decision), answer, session)).status).toBe(401);

    const given = await asAgent(paths.secrets, resolving, { 'approval-id': id });
    expect(given.status).toBe(200);
    expect(given.body['resolved']).toHaveProperty(['openai.api_key']);
    expect((await asAgent(paths.secrets, resolving, { 'approval-id': id })).body['code']).toBe('approval-stale');
  });

  it('is answered at once where the agent prefers so, and held back where it waits', async () => {
    const { asAgent, answer, waiting } = await served();
    const at = await asAgent(paths.secrets, resolving, { prefer: 'respond-async' });
    expect(at.status).toBe(202);
    const { id } = at.body['approval'] as { id: string };
    expect(at.headers['location']).toBe(`/v1/approvals/${id}`);
    const held = asAgent(paths.secrets, resolving, { prefer: 'wait=30' });
    await waiting();
    await answer(id, 'ann');
    expect((await held).status).toBe(200);
  });

  it('is taken back by its agent, and by nobody who does not have it', async () => {
    const { asAgent, ask, bearer } = await served();
    const { id } = (await asAgent(paths.secrets, resolving)).body['approval'] as { id: string };
    const cancel = paths.cancelApproval.replace('{id}', id);
    expect((await ask('POST', cancel)).status).toBe(401);
    const cancelled = () => ask('POST', cancel, undefined, { authorization: `Bearer ${bearer}` });
    expect((await cancelled()).body).toMatchObject({ id, state: 'cancelled' });
    expect((await cancelled()).body).toMatchObject({ code: 'approval-over', status: 409 });
    expect((await asAgent(paths.approval.replace('{id}', 'a-000000000000000000'))).body['code']).toBe('not-allowed');
  });

  it('may be denied by the operator, and approved by no one but a person', async () => {
    const { asAgent, asOperator, bearer, ask, ledger } = await served();
    const { id } = (await asAgent(paths.secrets, resolving)).body['approval'] as { id: string };
    const list = await asOperator('GET', '/v1/operator/approvals');
    expect(list.body['approvals']).toMatchObject([{ id, agent: 'codex', state: 'pending' }]);
    const deny = `/v1/operator/approvals/${id}/deny`;
    expect((await ask('POST', deny, undefined, { authorization: `Bearer ${bearer}` })).status).toBe(401);
    expect((await asOperator('POST', `/v1/operator/approvals/${id}/approve`)).status).toBe(404);
    expect((await asOperator('POST', deny)).body).toMatchObject({ id, state: 'denied' });
    expect((await asOperator('POST', deny)).body).toMatchObject({ code: 'approval-over' });
    expect(await ledger.find(id)).toMatchObject({ state: 'denied' });
  });
});

describe('what is for the page', () => {
  const options = pagePaths.loginOptions;
  test.each<[string, Record<string, string>]>([
    ['no origin', { 'sec-fetch-site': 'same-origin' }],
    ['another port', { origin: 'http://localhost:1', 'sec-fetch-site': 'same-site' }],
    ['another port that lies about the site', { origin: 'http://localhost:1', 'sec-fetch-site': 'same-origin' }],
    ['another site', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }],
    ['no page', { origin: 'null' }],
  ])('is given to nobody else: %s', async (_, headers) => {
    const { ask, port } = await served();
    const answer = await ask('POST', options, undefined, { host: `localhost:${port}`, ...headers });
    expect([answer.status, answer.body['code']]).toEqual([403, 'origin-refused']);
  });

  it('is not given by the address in the place of localhost', async () => {
    const { ask, origin } = await served();
    expect((await ask('POST', options, undefined, { origin })).status).toBe(403);
    expect((await ask('GET', pagePaths.approvals)).status).toBe(403);
  });

  it('wants a session, and an agent has none', async () => {
    const { fromPage, bearer, link } = await served();
    for (const session of [undefined, bearer, link('page'), 'flows-page_x'])
      expect((await fromPage('GET', pagePaths.approvals, undefined, session)).status).toBe(401);
  });

  it('decides nothing by GET: whatever opens links opens them for nothing', async () => {
    const { asAgent, fromPage, link, ledger } = await served();
    const { id } = (await asAgent(paths.secrets, resolving)).body['approval'] as { id: string };
    const login = await fromPage('POST', pagePaths.login, { link: link('page') });
    const session = String(login.body['session']);
    for (const path of Object.values(pagePaths)) {
      if (path === pagePaths.events) continue;
      const answer = await fromPage(
        'GET',
        path.replace('{id}', id).replace(/\{(?:run|flow)\}/, 'none'),
        undefined,
        session,
      );
      expect([200, 404, 405, 503], path).toContain(answer.status);
    }
    expect(await ledger.find(id)).toMatchObject({ state: 'pending', answers: [] });
  });

  /** events, as somebody hears them who came by a link */
  async function listening({ port, origin, fromPage, link }: Awaited<ReturnType<typeof served>>) {
    const login = await fromPage('POST', pagePaths.login, { link: link('page') });
    const session = String(login.body['session']);
    const headers = {
      origin,
      host: `localhost:${port}`,
      authorization: `Bearer ${session}`,
      'sec-fetch-site': 'same-origin',
    };
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      sent({ port, method: 'GET', path: pagePaths.events, headers }).once('response', resolve).once('error', reject);
    });
    return { session, response };
  }

  it('tells nothing more to who has signed out', async () => {
    const stand = await served();
    const { session, response } = await listening(stand);
    let heard = '';
    response.on('data', (chunk: Buffer) => (heard += chunk.toString()));
    expect((await stand.fromPage('POST', pagePaths.logout, undefined, session)).status).toBe(200);
    void stand.asAgent(paths.secrets, resolving);
    const { id } = await stand.waiting();
    await expect.poll(() => heard).toContain('event: signed-out');
    expect(heard).not.toContain(id);
  });

  it('ends where nobody can say who listens, so that the page connects again and looks at all of it', async () => {
    const stand = await served(undefined, true);
    const { response } = await listening(stand);
    response.resume();
    onTestFinished(() =>
      stand.database.query('alter table if exists kept_away rename to flows_kept').then(() => undefined),
    );
    await stand.database.query('alter table flows_kept rename to kept_away');
    void stand.asAgent(paths.secrets, resolving);
    await expect.poll(() => response.readableEnded).toBe(true);
  });

  it('tells of each change as it happens, and ends with the server', async () => {
    const stand = await served();
    const { close, asAgent, waiting } = stand;
    const { response } = await listening(stand);
    expect(response.headers['content-type']).toBe('text/event-stream');
    let heard = '';
    response.on('data', (chunk: Buffer) => (heard += chunk.toString()));
    void asAgent(paths.secrets, resolving);
    const { id } = await waiting();
    while (!heard.includes(id)) await new Promise((resolve) => setImmediate(resolve));
    expect(heard).toContain(`event: approval\ndata: {"id":"${id}"}\n\n`);
    const ended = once(response, 'end');
    await close();
    await ended;
  });

  it('needs both loopback addresses: another program at one of them would be the same page', async () => {
    const squatter = createServer();
    await new Promise<void>((resolve, reject) => {
      squatter.once('error', reject).listen(0, '::1', resolve);
    });
    onTestFinished(() => void squatter.close());
    const at = squatter.address();
    const port = typeof at === 'object' && at !== null ? at.port : 0;
    await expect(served(port)).rejects.toMatchObject({ code: 'unavailable' });
  });
});

describe('the code of a break-glass flow', () => {
  const at = (path: string, flow = 'glass') => path.replace('{flow}', flow);
  const wish = { reason: 'the issuer is down' };

  it('is given once, to whom policy names, by a passkey, and is kept by nobody', async () => {
    const stand = await served();
    const { vault, fromPage, enrolled, page, challengeIn, trail, told } = stand;
    vault.value = (reference) =>
      reference.endsWith('one-time password') ? 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP' : 'canary';
    const [ann, bo] = [await enrolled('ann'), await enrolled('bo')];
    const list = await fromPage('GET', pagePaths.reveals, undefined, ann.session);
    expect(list.body['flows']).toMatchObject([{ name: 'glass', close: 'glass-close', inputs: { type: 'object' } }]);
    const challenge = await fromPage('POST', at(pagePaths.revealChallenge), wish, ann.session);
    const assertion = ann.passkey.assert({ ...page, challenge: challengeIn(optionsIn(challenge)) });
    const answer = { ticket: challenge.body['ticket'], assertion };
    // whoever else has seen it cannot use it, and has used it up
    const other = await fromPage('POST', at(pagePaths.revealChallenge), wish, ann.session);
    const stolen = { ticket: other.body['ticket'], assertion };
    expect((await fromPage('POST', at(pagePaths.reveal), stolen, bo.session)).status).toBe(401);
    const given = await fromPage('POST', at(pagePaths.reveal), answer, ann.session);
    expect([given.status, given.headers['cache-control']]).toEqual([200, 'no-store']);
    expect(given.body).toMatchObject({
      output: { username: 'admin', code: { code: expect.stringMatching(/^\d{6}$/) } },
      as: { username: 'plain', code: 'one-time-code' },
    });
    expect(JSON.stringify(given.body)).not.toContain('canary');
    expect((await fromPage('POST', at(pagePaths.reveal), answer, ann.session)).status).toBe(401);
    const { code } = (given.body['output'] as { code: { code: string } }).code;
    expect(JSON.stringify([trail.events, told])).not.toContain(code);
    expect(trail.events.find(({ signed }) => signed !== undefined)).toMatchObject({ what: ['glass'], ...wish });
  });

  it('is refused alike where it is not theirs and where there is none, and is nothing for agents or who only looks', async () => {
    const { fromPage, enrolled, bearer, link } = await served();
    const bo = await enrolled('bo');
    const looks = await fromPage('POST', pagePaths.login, { link: link('page') });
    const ask = (flow: string, session: unknown) =>
      fromPage('POST', at(pagePaths.revealChallenge, flow), wish, String(session));
    const [denied, missing] = [await ask('glass', bo.session), await ask('nothing', bo.session)];
    const told = ({ body, status }: Said) => ({ ...body, requestId: undefined, status });
    expect(denied.status).toBe(403);
    expect(told(denied)).toEqual(told(missing));
    expect((await ask('glass', looks.body['session'])).status).toBe(403);
    expect((await ask('glass', bearer)).status).toBe(401);
    for (const body of [{}, { reason: '' }, { reason: 'two\nlines' }, { ...wish, inputs: { door: 'x'.repeat(5_000) } }])
      expect([400, 413]).toContain((await fromPage('POST', at(pagePaths.revealChallenge), body, bo.session)).status);
  });
});

describe('what the page shows', () => {
  async function lookedAt() {
    const stand = await served();
    const login = await stand.fromPage('POST', pagePaths.login, { link: stand.link('page') });
    const session = String(login.body['session']);
    return { ...stand, look: (path: string) => stand.fromPage('GET', path, undefined, session) };
  }

  it('is the policy in force, how the broker is, and the trail without what was signed', async () => {
    const { look, trails } = await lookedAt();
    expect((await look(pagePaths.policy)).body).toMatchObject({ version: 'v1', agents: [{ name: 'codex' }, {}] });
    const overview = (await look(pagePaths.overview)).body;
    expect(overview).toMatchObject({
      checks: { trail: true },
      quotas: [],
      breakGlass: { accounts: [], troubles: [{ code: 'no-drill', subject: 'glass' }] },
    });
    const file = join(mkdtempSync(join(tmpdir(), 'page-')), 'audit.jsonl');
    onTestFinished(() => rmSync(dirname(file), { recursive: true, force: true }));
    const line = { seq: 1, at: '2026-11-29T00:00:00.000Z', agent: 'codex', what: [], outcome: 'allowed', request: 'r' };
    writeFileSync(file, `${JSON.stringify({ ...line, action: 'approval.approved', signed: { bound: '{}' } })}\n`);
    trails.push(file);
    const shown = (await look(`${pagePaths.trail}?action=approval.approved`)).body;
    expect(shown).toEqual({ lines: [{ ...line, action: 'approval.approved' }], complete: true });
    expect((await look(`${pagePaths.trail}?action=start`)).body['lines']).toEqual([]);
    expect((await look(`${pagePaths.trail}?anything=1`)).status).toBe(400);
  });

  it.each<[string, (database: Database) => Promise<unknown>, string]>([
    [
      'a disk that is full',
      (database) =>
        database.query(`create function full_disk() returns trigger language plpgsql
          as $$ begin raise exception 'could not extend file' using errcode = 'disk_full'; end $$;
          create trigger no_space before update on flows_approvals execute function full_disk()`),
      'has no space left (make room on its disk)',
    ],
    [
      'a database that is read-only',
      (database) => database.query('set default_transaction_read_only = on'),
      'is read-only (is it a standby, or is its disk full? give the address of the primary)',
    ],
  ])('is a refusal of the table where it meets %s, and one line for the operator', async (_, spoil, line) => {
    const { look, asAgent, asOperator, database, told } = await lookedAt();
    const { id } = (await asAgent(paths.secrets, resolving)).body['approval'] as { id: string };
    onTestFinished(async () => {
      await database.query('set default_transaction_read_only = off');
      await database.query('drop function if exists full_disk cascade');
    });
    await spoil(database);
    const card = pagePaths.approval.replace('{id}', id);
    const answers = [
      await look(pagePaths.approvals),
      await look(card),
      await asOperator('GET', '/v1/operator/approvals'),
    ];
    for (const { status, body } of answers)
      expect([status, body['code']], JSON.stringify(body)).toEqual([503, 'upstream-unavailable']);
    expect(told.map((each) => each.what)).toEqual([['pageApprovals'], ['pageApproval'], ['approvals']]);
    for (const each of told) expect(each).toMatchObject({ code: 'unavailable', line: expect.stringContaining(line) });
  });

  it('is nothing to whoever is not signed in', async () => {
    const { fromPage } = await served();
    for (const path of [pagePaths.policy, pagePaths.overview, pagePaths.trail, pagePaths.agentRuns, pagePaths.runs])
      expect((await fromPage('GET', path)).status, path).toBe(401);
  });
});

describe("the page's files", () => {
  const paths = [
    '/',
    ...readdirSync('src/surfaces/page').flatMap((name) => (/\.(?:js|css|svg)$/.test(name) ? [`/page/${name}`] : [])),
  ];

  test.each(paths)('are served as they are, to anybody, and nothing else runs in them: %s', async (path) => {
    const { port } = await served();
    // as a browser asks that followed a link in a chat
    const headers = { host: `localhost:${port}`, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' };
    const { status, headers: given, text } = await fileAt(port, path, 'GET', headers);
    expect(status).toBe(200);
    expect(text).toBe(readFileSync(join('src/surfaces/page', path === '/' ? 'index.html' : basename(path)), 'utf8'));
    const policy = String(given['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    for (const rule of ["frame-ancestors 'none'", "require-trusted-types-for 'script'", "connect-src 'self'"])
      expect(policy).toContain(rule);
    expect(policy).not.toContain('unsafe');
    expect(given).toMatchObject({ 'referrer-policy': 'no-referrer', 'x-content-type-options': 'nosniff' });
    expect(given).not.toHaveProperty('set-cookie');
    expect(given).not.toHaveProperty('access-control-allow-origin');
  });

  it('hold no markup that runs, and turn no text into markup', () => {
    for (const name of readdirSync('src/surfaces/page')) {
      const text = readFileSync(join('src/surfaces/page', name), 'utf8');
      expect(text, name).not.toMatch(
        /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|https?:\/\/(?!www\.(?:w3|unicode)\.org)/,
      );
    }
    const markup = readFileSync('src/surfaces/page/index.html', 'utf8');
    expect(markup).not.toMatch(/<script(?![^>]* src=)|\son\w+=|<style|style=/);
  });

  it('are at localhost: an address is sent there, with what was asked for', async () => {
    const { port, origin } = await served();
    const { status, headers } = await fileAt(port, '/', 'GET', { host: `127.0.0.1:${port}` });
    expect([status, headers['location']]).toEqual([307, `${origin}/`]);
  });

  it('are read, and nothing beside them', async () => {
    const { port } = await served();
    const host = { host: `localhost:${port}` };
    for (const path of [
      '/page/',
      '/page/../page.test.ts',
      '/page/%2e%2e/start.ts',
      '/page/main.js/',
      '/page/tsconfig.json',
    ])
      expect((await fileAt(port, path, 'GET', host)).status, path).toBe(404);
    expect((await fileAt(port, '/', 'POST', host)).status).toBe(405);
    expect(await fileAt(port, '/', 'HEAD', host)).toMatchObject({ status: 200, text: '' });
  });
});
