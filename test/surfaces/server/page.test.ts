import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { createServer } from 'node:net';
import { describe, expect, it, onTestFinished, test } from 'vitest';
import { createAuthenticator } from '../../../src/broker/authentication/authenticate.ts';
import { bearerHash, createBearer } from '../../../src/broker/authentication/bearer-token.ts';
import { createClaimCheck, signClaim } from '../../../src/broker/authentication/operator-token.ts';
import { type PageAddress, pageAddress } from '../../../src/broker/people/page-address.ts';
import { pagePaths, paths } from '../../../src/foundation/wire.ts';
import { createSoftwarePasskey } from '../../../src/laptop/software-passkey.ts';
import { startServer } from '../../../src/surfaces/server/http-server.ts';
import { createLogger } from '../../../src/surfaces/server/log.ts';
import { operatorKey, peopled } from '../../broker/people/stand.ts';

const rule = { names: ['openai.api_key'], by: ['ann', 'bo'] };

/** A broker with a page, over HTTP, at a port of its own. */
async function served(port?: number) {
  const found = port ?? (await freePort());
  const stand = await peopled(`http://localhost:${found}`, rule);
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
  let address: PageAddress | undefined;
  const { people, decisions, approvals } = stand;
  const server = await startServer({
    broker: stand.broker,
    authenticator,
    operators: createClaimCheck({ keys: [operatorKey], clock: { now: Date.now, monotonic: () => performance.now() } }),
    trail: { record: async (event) => void stand.trail.events.push(event) },
    listen: { port: found },
    log: createLogger('silent'),
    ready: () => ({}),
    overview: () => Promise.reject(new TypeError('not used')),
    approvals,
    page: {
      people,
      decisions,
      approvals,
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
    port: found,
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
      const answer = await fromPage('GET', path.replace('{id}', id), undefined, session);
      expect([200, 405], path).toContain(answer.status);
    }
    expect(await ledger.find(id)).toMatchObject({ state: 'pending', answers: [] });
  });

  it('tells of each change as it happens, and ends with the server', async () => {
    const { port, origin, fromPage, link, asAgent, waiting } = await served();
    const login = await fromPage('POST', pagePaths.login, { link: link('page') });
    const headers = {
      origin,
      host: `localhost:${port}`,
      authorization: `Bearer ${String(login.body['session'])}`,
      'sec-fetch-site': 'same-origin',
    };
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      sent({ port, method: 'GET', path: pagePaths.events, headers }).once('response', resolve).once('error', reject);
    });
    expect(response.headers['content-type']).toBe('text/event-stream');
    let heard = '';
    response.on('data', (chunk: Buffer) => (heard += chunk.toString()));
    void asAgent(paths.secrets, resolving);
    const { id } = await waiting();
    while (!heard.includes(id)) await new Promise((resolve) => setImmediate(resolve));
    expect(heard).toContain(`event: approval\ndata: {"id":"${id}"}\n\n`);
    response.destroy();
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
