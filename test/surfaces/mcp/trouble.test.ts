import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FlowError } from '../../../src/foundation/errors.ts';
import { createClient } from '../../../src/client/client.ts';
import { callOf, type McpStand, mcpClient, openMcpStand, talkOnStreams, talkOverHttp } from './stand.ts';

let stand: McpStand;
beforeAll(async () => {
  stand = await openMcpStand();
});
afterAll(() => stand?.close());

const place = () => Promise.resolve({ broker: stand.service().url ?? '', token: stand.token.reveal() });
const raw = {
  jsonrpc: '2.0',
  method: 'initialize',
  id: 1,
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
};

describe('a session on streams', () => {
  test('without a way to a broker has all its tools, each of which says what is wrong, and works once there is one', async () => {
    let wrong: Error | undefined = new FlowError('unavailable', 'no broker runs for flows', {
      hint: 'start it with `flows serve`',
    });
    const where = () => (wrong === undefined ? place() : Promise.reject(wrong));
    await using talking = await talkOnStreams(where, mcpClient('legacy'));
    const { tools } = await talking.client.listTools();
    expect(tools).toHaveLength(7);
    for (const { name } of tools.filter(
      (each) => !['describe_flow', 'plan_flow', 'run_flow', 'run_reading_flow', 'get_run'].includes(each.name),
    )) {
      const answer = await callOf(talking.client, name, name === 'check_access' ? { flow: 'mixed' } : {});
      expect(answer).toEqual({
        failed: true,
        error: 'not-ready',
        code: 'unavailable',
        meaning: 'no broker runs for flows (start it with `flows serve`)',
      });
    }
    for (const name of ['describe_flow', 'plan_flow', 'run_flow', 'run_reading_flow'])
      expect(await callOf(talking.client, name, { flow: 'mixed' })).toMatchObject({ failed: true, error: 'not-ready' });
    wrong = undefined;
    expect(await callOf(talking.client, 'list_flows')).toMatchObject({ failed: false });
  });

  test('tells nothing of a fault that nobody expected but that there was one', async () => {
    const where = () => Promise.reject(new TypeError('hunter2hunter2 at /home/ann'));
    await using talking = await talkOnStreams(where, mcpClient('legacy'));
    const answer = await callOf(talking.client, 'list_flows');
    expect(answer).toMatchObject({ failed: true, error: 'internal' });
    expect(talking.bytes().toString()).not.toMatch(/hunter2|ann/);
  });

  test('goes on with a broker that began again, in an agent run of its own', async () => {
    await using talking = await talkOnStreams(place, mcpClient('modern'));
    expect(await callOf(talking.client, 'run_reading_flow', { flow: 'orders-token' })).toMatchObject({ failed: false });
    await stand.restart();
    expect(await callOf(talking.client, 'run_reading_flow', { flow: 'orders-token' })).toMatchObject({ failed: false });
  });

  test('is told that its token is not known', async () => {
    const where = async () => ({ ...(await place()), token: 'flows_nothing' });
    await using talking = await talkOnStreams(where, mcpClient('legacy'));
    expect(await callOf(talking.client, 'list_flows')).toMatchObject({ failed: true, error: 'not-authenticated' });
  });

  test('answers what is asked at once, each by itself', async () => {
    await using talking = await talkOnStreams(place, mcpClient('legacy'));
    const flows = ['orders-token', 'mixed', 'nothing', 'orders-token'];
    const answers = await Promise.all(flows.map((flow) => callOf(talking.client, 'run_reading_flow', { flow })));
    expect(answers.map(({ failed }) => failed)).toEqual([false, false, true, false]);
    const begun = stand.trailOf('codex').filter(({ action }) => action === 'agent-run.started');
    const before = begun.length;
    await callOf(talking.client, 'run_reading_flow', { flow: 'mixed' });
    expect(stand.trailOf('codex').filter(({ action }) => action === 'agent-run.started')).toHaveLength(before);
  });

  test('lets a client take back what it asked for, and goes on', async () => {
    await using talking = await talkOnStreams(place, mcpClient('legacy', 'none'));
    const { run } = await callOf(talking.client, 'run_flow', { flow: 'seed-runtime' });
    const stop = new AbortController();
    const waiting = talking.client.callTool({ name: 'get_run', arguments: { run, wait: 45 } }, { signal: stop.signal });
    setImmediate(() => stop.abort(new Error('taken back')));
    await expect(waiting).rejects.toThrow('taken back');
    expect(await callOf(talking.client, 'list_flows')).toMatchObject({ failed: false });
  });

  test('ends with its client, in the middle of an answer too', async () => {
    const talking = await talkOnStreams(place, mcpClient('legacy'));
    const { run } = await callOf(talking.client, 'run_flow', { flow: 'seed-runtime' });
    void talking.client.callTool({ name: 'get_run', arguments: { run, wait: 45 } }).catch(() => undefined);
    setImmediate(() => talking.toServer.end());
    await talking.served;
    const ended = stand.trailOf('codex').findLast(({ action }) => action === 'agent-run.finished');
    expect(ended).toMatchObject({ detail: 'succeeded' });
  });

  test('ends at a message of more than 10 MiB, and takes one below it', async () => {
    const talking = await talkOnStreams(place, mcpClient('legacy'));
    const inputs = { note: 'x'.repeat(9_000_000) };
    const answer = await callOf(talking.client, 'run_reading_flow', { flow: 'mixed', inputs });
    expect(answer).toMatchObject({ failed: true, error: 'too-large' });
    talking.toServer.write(JSON.stringify({ ...raw, more: 'x'.repeat(11_000_000) }));
    await talking.served;
  });
});

describe('the broker over HTTP', () => {
  const ask = (body: unknown, headers: Record<string, string> = {}, method = 'POST') =>
    fetch(new URL('/mcp', stand.service().url), {
      method,
      headers: {
        authorization: `Bearer ${stand.token.reveal()}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...headers,
      },
      ...(method === 'POST' ? { body: JSON.stringify(body) } : {}),
    });
  test.each<[string, number, () => Promise<Response>]>([
    ['answers who is proven', 200, () => ask(raw)],
    ['wants a proof with each message', 401, () => ask(raw, { authorization: '' })],
    ['answers no page', 403, () => ask(raw, { origin: 'https://evil.example' })],
    ['has no stream to listen to', 405, () => ask(undefined, {}, 'GET')],
    ['has no session to end', 405, () => ask(undefined, {}, 'DELETE')],
    ['takes at most 64 KiB', 413, () => ask({ ...raw, more: 'x'.repeat(100_000) })],
    ['takes JSON', 415, () => ask(raw, { 'content-type': 'text/plain' })],
  ])('%s', async (_, status, sent) => {
    const answer = await sent();
    expect(answer.status).toBe(status);
    expect(await answer.text()).not.toContain(stand.token.reveal());
  });

  const call = (args: object, more: object = {}) => ({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'run_reading_flow', arguments: args, ...more },
  });
  const valueOfMixed = async () => {
    await (await ask(call({ flow: 'mixed' }))).text();
    const client = createClient({ broker: stand.service().url ?? '', token: stand.token.reveal() });
    const { output } = await client.run('mixed');
    return (output as { KEY: string }).KEY;
  };

  test('answers by the id that the client gave, also where that holds a value', async () => {
    const id = `call ${await valueOfMixed()}`;
    expect(await (await ask({ jsonrpc: '2.0', id, method: 'ping' })).text()).toContain(JSON.stringify(id));
    const name = 'run_flow';
    const making = { flow: 'make-login', inputs: { title: 'Told' } };
    const told = await ask(call(making, { name, _meta: { progressToken: id } }));
    expect(await told.text()).toContain(`"progressToken":${JSON.stringify(id)}`);
  });

  test('takes the answer to a question that was asked before it began again', async () => {
    await using talking = await talkOverHttp(stand, mcpClient('modern', 'url'));
    talking.client.setRequestHandler('elicitation/create', async ({ params }) => {
      await stand.restart();
      const [id = ''] = /a-[0-9a-f]{18}$/.exec('url' in params ? params.url : '') ?? [];
      await stand.approver.approve(id);
      return { action: 'accept' };
    });
    const given = await callOf(talking.client, 'run_reading_flow', { flow: 'gated' });
    expect(given).toMatchObject({ output: { is: 'secret', handle: 'gated' } });
  });

  test.each(['', 'null', '{}', '{"run":"../approvals/x"}', '{"run":"a","approval":"a-000000000000000000"}'])(
    'begins nothing by the answer to a question that was none: %j',
    async (requestState) => {
      const begun = () => stand.trailOf('seed-runtime').filter(({ action }) => action === 'run.started');
      const before = begun().length;
      const name = 'run_flow';
      const said = {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
        'io.modelcontextprotocol/clientCapabilities': { elicitation: { url: {} } },
      };
      const inputResponses = { open: { action: 'accept' } };
      const answer = await ask(call({ flow: 'seed-runtime' }, { name, _meta: said, requestState, inputResponses }), {
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': 'tools/call',
        'mcp-name': name,
      });
      expect(await answer.json()).toMatchObject({ error: { code: -32602 } });
      expect(begun()).toHaveLength(before);
    },
  );

  test('tells no agent by a mask which values another was given', async () => {
    const guess = call({ flow: 'mixed', inputs: { [await valueOfMixed()]: {} } });
    const seen = async (token: string) => (await ask(guess, { authorization: `Bearer ${token}` })).text();
    expect(await seen(stand.token.reveal())).toContain('inputs.[mixed.KEY]');
    expect(await seen(stand.other.reveal())).not.toContain('[mixed.KEY]');
  });
});
