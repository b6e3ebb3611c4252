import { z } from 'zod';
import { paths } from '../../../foundation/wire.ts';
import { EdgeRefusal } from '../edge-refusal.ts';
import { agentRoute, type Route } from './route.ts';

const message = z.record(z.string(), z.unknown()).describe('JSON-RPC 2.0, as the protocol has it');

/** Models, by the Model Context Protocol. */
export const mcpRoutes: readonly Route[] = [
  agentRoute({
    method: 'POST',
    path: paths.mcp,
    id: 'mcp',
    summary: 'A message of an MCP client, where service.yaml says `server: { mcp: true }`; values never come by it',
    action: 'mcp.message',
    body: { schema: message, required: true },
    answer: message,
    problems: ['not-found', 'rate-limited', 'audit-unavailable', 'internal'],
    async handle(call, caller) {
      if (call.serving.mcp === undefined) throw new EdgeRefusal('not-found');
      return call.serving.mcp(call, caller);
    },
  }),
];
