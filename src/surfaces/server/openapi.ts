import { STATUS_CODES } from 'node:http';
import { z } from 'zod';
import {
  headerNames,
  keyForm,
  longestReason,
  longestWait,
  type ProblemCode,
  problems,
  problemType,
  runForm,
} from '../../foundation/wire.ts';
import { routes } from './routes/index.ts';
import { approvalRef, bringsApprovals, isPageRoute, type ProvenRoute, type Route } from './routes/route.ts';

/** Problems that any route may answer with. */
const always: readonly ProblemCode[] = [
  'invalid-request',
  'origin-refused',
  'request-timeout',
  'misdirected',
  'expectation-failed',
  'headers-too-large',
  'overloaded',
  'internal',
];
const ofAgents: readonly ProblemCode[] = ['not-authenticated', 'upstream-unavailable', 'audit-unavailable'];
const ofBodies: readonly ProblemCode[] = ['too-large', 'unsupported-media-type'];

/** What the page asks for is the page's own, and changes with it. */
const forPrograms = routes.filter((route) => !isPageRoute(route));

type Json = Readonly<Record<string, unknown>>;
let made: Json | undefined;

/** The OpenAPI 3.1 document of the route table. */
export function openapi(): Json {
  made ??= {
    openapi: '3.1.0',
    info: {
      title: 'flows broker',
      version: '1',
      description:
        'Tokens and secrets for agents, by name. Every answer carries X-Request-Id, the id of the audit trail.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    paths: Object.fromEntries(
      [...Map.groupBy(forPrograms, ({ path }) => path)].map(([path, of]) => [path, pathItem(of)]),
    ),
    components: {
      securitySchemes: {
        agent: { type: 'http', scheme: 'bearer', description: "an agent's token, or a workload identity's JWT" },
        operator: {
          type: 'http',
          scheme: 'bearer',
          description: "a claim that the command makes with the environment's key, for one request",
        },
      },
      headers: { requestId: { description: 'as the audit trail has it', required: true, schema: { type: 'string' } } },
      parameters: {
        runId: header(headerNames.run, 'recorded as claimed', runForm.source),
        key: header(headerNames.key, 'the same key is the same run, however often it is sent', keyForm.source),
        approval: header(headerNames.approval, 'approvals that were given, at most 10, with commas between them'),
        prefer: header(
          'Prefer',
          `respond-async: 202 with where to look, where a person must approve it first; wait=N: held back for N seconds at most, up to ${longestWait}`,
        ),
        agentId: header(headerNames.agent, 'must name the agent that the credential proves'),
        reason: header(
          headerNames.reason,
          `why: one line of at most ${longestReason} characters, kept on the audit trail`,
        ),
      },
    },
  };
  return made;
}

function header(name: string, description: string, pattern?: string): Json {
  const schema = { type: 'string', ...(pattern === undefined ? {} : { pattern }) };
  return { name, in: 'header', required: false, description, schema };
}

function pathItem(of: readonly Route[]): Json {
  return Object.fromEntries(of.map((route) => [route.method.toLowerCase(), operation(route)]));
}

function operation(route: Route): Json {
  const proven = provenIn(route);
  const body = proven?.body;
  const parameters = [
    ...[...route.path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => inPath(name)),
    ...(proven?.query === undefined ? [] : inQuery(schemaOf(proven.query))),
    ...(proven?.access === 'agent'
      ? [
          ...(proven.takesKey === true ? ['key'] : []),
          ...(bringsApprovals(proven) ? ['approval', 'prefer'] : []),
          'runId',
          'agentId',
          'reason',
        ].map((name) => ({
          $ref: `#/components/parameters/${name}`,
        }))
      : []),
  ];
  return {
    operationId: route.id,
    summary: route.summary,
    security: proven === undefined ? [] : [{ [proven.access]: [] }],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : {
          requestBody: { required: body.required, content: { 'application/json': { schema: schemaOf(body.schema) } } },
        }),
    responses: responses(route, proven),
  };
}

function provenIn(route: Route): ProvenRoute | undefined {
  return route.access === 'open' || isPageRoute(route) ? undefined : route;
}

const pathDescriptions: Readonly<Record<string, string>> = { flow: 'name of a flow' };

function inPath(name: string): Json {
  const description = pathDescriptions[name] ?? `id of the ${name}`;
  return { name, in: 'path', required: true, description, schema: { type: 'string' } };
}

function inQuery({ properties = {}, required = [] }: Json): readonly Json[] {
  return Object.entries(properties as Json).map(([name, schema]) => {
    return { name, in: 'query', required: (required as readonly string[]).includes(name), schema };
  });
}

function responses(route: Route, proven: ProvenRoute | undefined): Json {
  const codes = new Set([...route.problems, ...always, ...(proven === undefined ? [] : ofAgents)]);
  if (proven?.body !== undefined) for (const code of ofBodies) codes.add(code);
  const byStatus = Map.groupBy(codes, (code) => problems[code].status);
  const answered = Object.fromEntries(
    [...byStatus].map(([status, of]) => [String(status), problemResponse(status, of)] as const),
  );
  const { answer, status = 200 } = route;
  const unready = route.access === 'open' && route.unready !== undefined ? schemaOf(route.unready) : undefined;
  return {
    [String(status)]: {
      description: STATUS_CODES[status],
      headers,
      content:
        typeof answer === 'string'
          ? { [answer]: { schema: { type: 'string' } } }
          : { 'application/json': { schema: schemaOf(answer) } },
    },
    ...answered,
    ...(unready === undefined
      ? {}
      : {
          '503': {
            ...problemResponse(503, byStatus.get(503) ?? []),
            content: {
              'application/json': { schema: unready },
              [problemType]: { schema: problemSchema(503, byStatus.get(503) ?? []) },
            },
          },
        }),
  };
}

const headers = { [headerNames.request]: { $ref: '#/components/headers/requestId' } };

function problemResponse(status: number, codes: readonly ProblemCode[]): Json {
  return {
    description: codes.map((code) => `${code}: ${problems[code].detail}`).join(' '),
    headers,
    content: { [problemType]: { schema: problemSchema(status, codes) } },
  };
}

/** RFC 9457 */
function problemSchema(status: number, codes: readonly ProblemCode[]): Json {
  return {
    type: 'object',
    properties: {
      type: { const: 'about:blank' },
      title: { const: STATUS_CODES[status] },
      status: { const: status },
      detail: { type: 'string' },
      code: { enum: codes },
      names: { type: 'array', items: { type: 'string' }, description: 'the logical names that it concerns' },
      ...(codes.includes('approval-required') ? { approval: schemaOf(approvalRef) } : {}),
      requestId: { type: 'string' },
    },
    required: ['type', 'title', 'status', 'detail', 'code', 'requestId'],
    additionalProperties: false,
  };
}

function schemaOf(schema: z.ZodType): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { target: 'draft-2020-12' });
  return rest;
}
