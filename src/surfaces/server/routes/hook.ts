import { z } from 'zod';
import { paths } from '../../../foundation/wire.ts';
import { jsonAnswer } from '../http-answers.ts';
import { agentRoute, reason, requestId, type Route } from './route.ts';

const inspectBody = z.strictObject({
  texts: z.array(z.string()).max(1_000).describe('what the agent has, or is about to do'),
  reason,
});
const globs = z.array(z.string());

/** For what watches an agent's tools. */
export const hookRoutes: readonly Route[] = [
  agentRoute({
    method: 'POST',
    path: paths.hook,
    id: 'inspect',
    summary: 'Where texts hold what the asker was given, and what policy.yaml says of its tools',
    action: 'hook.inspect',
    body: { schema: inspectBody, required: true, largest: 1_048_576 },
    answer: z.strictObject({
      found: z.array(
        z.strictObject({
          text: z.number().int().describe('which of the texts'),
          name: z.string().describe('by which it was given'),
          kind: z.enum(['secret', 'flow']).describe('what has this name'),
          from: z.number().int().describe('bytes of the text as UTF-8'),
          to: z.number().int().describe('the first byte after it'),
        }),
      ),
      rules: z.strictObject({ files: globs, commands: globs, allow: globs }).describe('`hook:` of policy.yaml'),
      environments: z.array(z.string()).describe('flows that it may run programs with: `flows exec NAME`'),
      requestId,
    }),
    problems: ['rate-limited', 'audit-unavailable', 'internal'],
    handle: async ({ serving, body }, caller) =>
      jsonAnswer({ ...(await serving.broker.inspect(caller, body.texts)), requestId: caller.request }),
  }),
];
