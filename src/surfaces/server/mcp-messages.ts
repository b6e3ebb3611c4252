import { madeOnce } from '../../foundation/made-once.ts';
import { createInnerDoor } from './inner-door.ts';
import type { Logger } from './log.ts';
import type { McpServing, Route, Serving } from './routes/route.ts';

export interface McpMessagesOptions {
  readonly routes: readonly Route[];
  readonly serving: () => Serving;
  /** of this package */
  readonly version: string;
  readonly log: Logger;
}

/** Answers MCP clients: its library is loaded with the first message. */
export function createMcpMessages({ routes, serving, version, log }: McpMessagesOptions): McpServing {
  const loaded = madeOnce(async () => (await import('../mcp/http.ts')).createMcpOverHttp({ version }));
  return async ({ body: message, headers, gone }, caller) => {
    const fault = (error: unknown) =>
      log.error({ request: caller.request, route: '/mcp', error }, 'an unexpected fault');
    const door = createInnerDoor({ routes, serving: serving(), caller, fault });
    const answer = await loaded.get();
    const { status, type, text, rest } = await answer({ message, headers, agent: caller.agent, door, signal: gone() });
    return { status, type, body: text, rest, outcome: status < 400 ? 'ok' : 'invalid-request' };
  };
}
