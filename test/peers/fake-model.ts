import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A call of a tool that the model makes. */
export interface ModelCall {
  readonly name: string;
  /** where an API has names of a server's tools apart from it */
  readonly namespace?: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** A model that does as it is told: it makes calls, one after the other, and says that it is done. */
export interface FakeModel extends AsyncDisposable {
  readonly url: string;
  /** what the harness told it of each call */
  readonly answers: readonly string[];
  /** all that went either way */
  readonly bytes: () => string;
}

interface Event {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** How a harness talks to it. */
interface Api {
  readonly path: string;
  /** what the harness tells of the calls so far */
  readonly told: (asked: Asked) => readonly string[];
  /** the events of an answer: a call, or that it is done */
  readonly events: (id: string, call: ModelCall | undefined) => readonly Event[];
}

interface Asked {
  readonly tools?: readonly unknown[];
  readonly messages?: readonly { readonly content: unknown }[];
  readonly input?: readonly { readonly type: string; readonly output?: unknown }[];
}

const usage = { input_tokens: 1, output_tokens: 1, total_tokens: 2 };

const anthropic: Api = {
  path: '/v1/messages',
  told: ({ messages = [] }) =>
    messages
      .flatMap(({ content }): readonly { readonly type?: string }[] => (Array.isArray(content) ? content : []))
      .filter(({ type }) => type === 'tool_result')
      .map((result) => JSON.stringify(result)),
  events(id, call) {
    const message = { id, type: 'message', role: 'assistant', model: 'fake', content: [], stop_reason: null, usage };
    const [block, delta] =
      call === undefined
        ? [
            { type: 'text', text: '' },
            { type: 'text_delta', text: 'done' },
          ]
        : [
            { type: 'tool_use', id, name: call.name, input: {} },
            { type: 'input_json_delta', partial_json: JSON.stringify(call.input) },
          ];
    const end = { stop_reason: call === undefined ? 'end_turn' : 'tool_use', stop_sequence: null };
    return [
      { type: 'message_start', message },
      { type: 'content_block_start', index: 0, content_block: block },
      { type: 'content_block_delta', index: 0, delta },
      { type: 'content_block_stop', index: 0 },
      { type: 'message_delta', delta: end, usage },
      { type: 'message_stop' },
    ];
  },
};

const openai: Api = {
  path: '/v1/responses',
  told: ({ input = [] }) =>
    input.filter(({ type }) => type === 'function_call_output').map(({ output }) => JSON.stringify(output)),
  events(id, call) {
    const item =
      call === undefined
        ? { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'done' }] }
        : { ...call, type: 'function_call', call_id: id, input: undefined, arguments: JSON.stringify(call.input) };
    return [
      { type: 'response.created', response: { id } },
      { type: 'response.output_item.done', item },
      { type: 'response.completed', response: { id, usage } },
    ];
  },
};

/** the harness has not begun all its servers yet */
const notThere = /No such tool available|unsupported call/;
/** milliseconds between two tries, and how many there are */
const [pause, tries] = [500, 120];

/** @param calls each is made again for as long as the harness does not have the tool yet */
export async function startFakeModel(calls: readonly ModelCall[]): Promise<FakeModel> {
  const seen: string[] = [];
  const answers: string[] = [];
  let left = tries;
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const body = Buffer.concat(await request.toArray()).toString();
    seen.push(JSON.stringify(request.headers), body);
    const api = [anthropic, openai].find(({ path }) => request.url?.startsWith(path) === true);
    if (request.method !== 'POST' || api === undefined || request.url?.includes('count_tokens') === true)
      return response.writeHead(404).end();
    const asked = JSON.parse(body) as Asked;
    // what has no tools is about a title or the like
    const works = (asked.tools ?? []).length > 0;
    const told = works ? api.told(asked).at(-1) : undefined;
    if (told !== undefined) {
      left -= 1;
      if (left > 0 && notThere.test(told)) await new Promise((resolve) => setTimeout(resolve, pause));
      else answers.push(told);
    }
    const call = works ? calls[answers.length] : undefined;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const event of api.events(`call_${left}`, call)) {
      const text = `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
      seen.push(text);
      response.write(text);
    }
    return response.end();
  };
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answers,
    bytes: () => seen.join('\n'),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
