import { z } from 'zod';
import type { FixedToolName } from '../../folder/reserved-names.ts';
import { approvalForm, longestReason, nameForm, pathOf, paths } from '../../foundation/wire.ts';
import type { Json } from './broker-door.ts';
import { followed, readFlow, runAnswer, type ToolCall, writeFlow } from './flow-calls.ts';
import { flowAt, flowsAt, type ListedFlow } from './flow-list.ts';
import type { ToolAnswer } from './tool-answer.ts';
import { shownData, shownText } from './shown-to-models.ts';

/** Clients decide by these whom to ask. */
export interface Annotations {
  readonly readOnlyHint: boolean;
  readonly destructiveHint: boolean;
  readonly idempotentHint: boolean;
  readonly openWorldHint: boolean;
}

/** A tool, as it is listed and called. */
export interface Tool {
  readonly name: string;
  readonly title: string;
  /** what it does, and its limits in words: clients drop those of the schema */
  readonly description: string;
  readonly inputSchema: { readonly type: 'object' } & Json;
  readonly annotations: Annotations;
  /** @throws BrokerError, FlowError */
  call(args: unknown, call: ToolCall): Promise<ToolAnswer>;
}

/** What is only looked at is known to be here; what is asked of services is not. */
const looks = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false } as const;
export const reads = { ...looks, openWorldHint: true } as const;
export const writes = {
  readOnlyHint: false,
  destructiveHint: true,
  idempotentHint: false,
  openWorldHint: true,
} as const;

const name = z.string().regex(nameForm).describe('as list_flows names it');
const inputs = z
  .record(z.string().max(100), z.union([z.string(), z.number(), z.boolean()]))
  .optional()
  .describe('what describe_flow tells that it takes');
const reason = z
  .string()
  .min(1)
  .max(longestReason)
  .optional()
  .describe(`why, for the audit trail: one line of at most ${longestReason} characters`);
const approval = z.string().regex(approvalForm).optional().describe('the id that a `waiting` answer gave');
const run = z.string().regex(nameForm).describe('the id that run_flow gave');

/** A tool with the types of its own arguments. */
function tool<A>(
  facts: Omit<Tool, 'inputSchema' | 'call'> & {
    readonly name: FixedToolName;
    readonly takes: z.ZodType<A>;
    call(args: A, call: ToolCall): Promise<ToolAnswer>;
  },
): Tool {
  const { takes, call, ...rest } = facts;
  const { $schema: _, ...schema } = JSON.parse(JSON.stringify(z.toJSONSchema(takes)), oneTypeEach) as Json;
  return {
    ...rest,
    inputSchema: { ...schema, type: 'object' },
    async call(args, how) {
      const parsed = takes.safeParse(args ?? {});
      return parsed.success ? call(parsed.data, how) : wrongArguments(parsed.error.issues);
    },
  };
}

/** Several types at once are more than some models' schemas know. */
function oneTypeEach(_: string, schema: unknown): unknown {
  if (typeof schema !== 'object' || schema === null || !('type' in schema) || !Array.isArray(schema.type))
    return schema;
  const { type, ...rest } = schema;
  return { ...rest, anyOf: type.map((each: unknown) => ({ type: each })) };
}

/** Where they are wrong and how, without what was given. */
function wrongArguments(issues: readonly z.core.$ZodIssue[]): ToolAnswer {
  const problems = issues
    .slice(0, 10)
    .map(({ path, code }) => `${shownText(path.join('.'), 100) || 'arguments'}: ${code}`);
  return {
    content: { error: 'invalid-arguments', problems, remedy: 'See the input schema of the tool.' },
    failed: true,
  };
}

/** The tools that are always there. Reading and writing are apart: clients ask people by tool. */
export const fixedTools: readonly Tool[] = [
  tool({
    name: 'list_flows',
    title: 'List flows',
    description:
      'Lists the flows that you may run: name, description, whether it reads or writes. Values of secrets never come by these tools: you get handles, and how to use them.',
    annotations: looks,
    takes: z.strictObject({}),
    async call(_, { door }) {
      const flows = await flowsAt(door);
      return {
        content: {
          flows: flows.map(({ name: is, description, effect }) => ({
            name: is,
            description: shownText(description),
            ...runBy(effect),
          })),
        },
      };
    },
  }),
  tool({
    name: 'describe_flow',
    title: 'Describe a flow',
    description: 'Tells what a flow takes, as JSON Schema, and which tool runs it.',
    annotations: looks,
    takes: z.strictObject({ flow: name }),
    async call({ flow }, { door }) {
      const found = await flowAt(door, flow);
      return {
        content: {
          name: found.name,
          description: shownText(found.description),
          ...runBy(found.effect),
          inputs: shownData(found.inputs),
        },
      };
    },
  }),
  tool({
    name: 'run_reading_flow',
    title: 'Run a flow that reads',
    description:
      'Runs a flow that changes nothing, and gives its output. A token, secret or one-time code in it is a handle: its name, what it is, when it expires, and how a program gets it.',
    annotations: reads,
    takes: z.strictObject({ flow: name, inputs, reason, approval }),
    call: async ({ flow, ...more }, call) => readFlow(await flowAt(call.door, flow), more, call),
  }),
  tool({
    name: 'plan_flow',
    title: 'Plan a flow that writes',
    description: 'Tells what a flow would change, without changing anything, and the hash of that plan for run_flow.',
    annotations: reads,
    takes: z.strictObject({ flow: name, inputs, reason }),
    async call({ flow, inputs: given, reason: why }, { door, signal }) {
      await flowAt(door, flow);
      const { hash, wouldChange, conflicts, steps } = await door.ask({
        method: 'POST',
        path: pathOf(paths.plan, flow),
        body: { inputs: given, reason: why },
        signal,
      });
      return { content: { plan: hash, would_change: wouldChange, conflicts, steps: shownData(steps) } };
    },
  }),
  tool({
    name: 'run_flow',
    title: 'Run a flow that writes',
    description:
      'Begins a run of a flow that writes, and tells within 50 seconds how it ended, or its id for get_run where it goes on. With `plan`, the hash of a plan: nothing is written where it would be another one by now.',
    annotations: writes,
    takes: z.strictObject({
      flow: name,
      inputs,
      plan: z
        .string()
        .regex(/^[0-9a-f]{64}$/)
        .optional()
        .describe('the hash that plan_flow gave: 64 hex digits'),
      reason,
    }),
    call: async ({ flow, ...more }, call) => writeFlow(await flowAt(call.door, flow), more, call),
  }),
  tool({
    name: 'get_run',
    title: 'Look at a run',
    description:
      'Tells where a run is, and gives its output once it has succeeded, with handles for what is secret. `wait`: seconds to wait for its end, at most 45.',
    annotations: reads,
    takes: z.strictObject({ run, wait: z.int().min(0).max(45).optional().describe('0 to 45') }),
    async call({ run: id, wait = 0 }, call) {
      return runAnswer(await followed(id, wait, call), call);
    },
  }),
  tool({
    name: 'check_access',
    title: 'Check access',
    description:
      'Tells whether you could have a flow or a secret of the registry now, or what is missing: a reason, an approval of a person, an agent run. It gives nothing. Give one of flow and secret.',
    annotations: looks,
    takes: z.strictObject({
      flow: name.optional(),
      secret: z.string().regex(nameForm).optional().describe('as registry.yaml names it'),
      reason,
    }),
    async call({ flow, secret, reason: why }, { door, signal }) {
      if ((flow === undefined) === (secret === undefined))
        return { content: { error: 'invalid-arguments', problems: ['give one of flow and secret'] }, failed: true };
      // what is for break-glass does not exist here
      if (flow !== undefined && !(await flowsAt(door)).some((each) => each.name === flow))
        return { content: { allowed: false } };
      const { allowed, needs } = await door.ask({
        method: 'POST',
        path: paths.access,
        body: flow === undefined ? { secret, reason: why } : { flow, reason: why },
        signal,
      });
      const use =
        secret === undefined || allowed !== true ? undefined : `flows exec --secret VARIABLE=${secret} -- COMMAND`;
      return { content: { allowed, needs, use } };
    },
  }),
];

function runBy(effect: ListedFlow['effect']) {
  return effect === 'none' ? { effect: 'reads', tool: 'run_reading_flow' } : { effect: 'writes', tool: 'run_flow' };
}
