import { z } from 'zod';
import { jsonAnswer } from '../http-answers.ts';
import type { Route } from './route.ts';

const health = z.strictObject({
  status: z.enum(['ok', 'unavailable']),
  checks: z.record(z.string(), z.boolean()),
  wrong: z.array(z.string()).optional().describe('files that are wrong: what they said before is served'),
});

/** What the server tells of itself, to everyone. */
export const aboutRoutes: readonly Route[] = [
  {
    access: 'open',
    method: 'GET',
    path: '/healthz',
    id: 'health',
    summary: 'The process answers',
    answer: health,
    problems: [],
    handle: () => Promise.resolve(jsonAnswer({ status: 'ok', checks: {} })),
  },
  {
    access: 'open',
    method: 'GET',
    path: '/readyz',
    id: 'readiness',
    summary: 'Requests of agents can be served',
    answer: health,
    unready: health,
    problems: [],
    handle: async ({ ready, wrong }) => {
      const checks = ready();
      const ok = Object.values(checks).every(Boolean);
      const files = wrong?.() ?? [];
      const status = ok ? 'ok' : 'unavailable';
      const answer = jsonAnswer({ status, checks, ...(files.length > 0 ? { wrong: files } : {}) }, ok ? 200 : 503);
      return ok ? answer : { ...answer, outcome: 'unready' };
    },
  },
  {
    access: 'open',
    method: 'GET',
    path: '/metrics',
    id: 'metrics',
    summary: 'Prometheus metrics',
    answer: 'text/plain',
    problems: [],
    handle: async ({ metrics }) => {
      const { type, text } = await metrics();
      return { status: 200, type, body: text, outcome: 'ok' };
    },
  },
  {
    access: 'open',
    method: 'GET',
    path: '/openapi.json',
    id: 'openapi',
    summary: 'This description',
    answer: z.record(z.string(), z.unknown()),
    problems: [],
    handle: ({ openapi }) => Promise.resolve(openapi()),
  },
];
