import { expect, test } from 'vitest';
import type { AuditEvent } from '../../src/audit/contract.ts';
import { readTrail } from '../../src/audit/read-trail.ts';
import { segmentsOf } from '../../src/audit/segments.ts';
import { trace, type Wanted } from '../../src/audit/trace.ts';
import { event, opened } from './arrange.ts';

/** What a trail with these events tells of a token or a run. */
async function traced(wanted: Wanted, events: readonly Partial<AuditEvent>[]) {
  const { trail, file } = await opened();
  for (const each of events) await trail.record({ ...event, ...each });
  await trail.close();
  return trace((filter) => readTrail(segmentsOf(file), filter), wanted);
}

const grant = { jti: ['j-1'], agentRun: 'run-1', approval: 'a-1', reason: 'the nightly export' };
const events: readonly Partial<AuditEvent>[] = [
  { action: 'agent-run.started', agentRun: 'run-1', what: ['codex'], detail: 'for 1h' },
  { action: 'agent-run.heartbeat', agentRun: 'run-1', what: ['codex'] },
  { action: 'hook.inspect', agentRun: 'run-1', what: [] },
  { ...grant, source: 'issuer', request: 'r-1' },
  { ...grant, request: 'r-2' },
  { ...grant, agentRun: undefined, agent: 'other', reason: undefined, approval: undefined },
  { ...grant, jti: ['j-2', 'j-3'] },
  { jti: ['j-10'] },
  { agentRun: 'run-1', action: 'secrets.resolve', outcome: 'denied', code: 'not-allowed', what: ['stripe.live_key'] },
  { run: 'run-1', agent: 'other' },
  { action: 'hook.inspect', agentRun: 'run-1', what: [], detail: 'found: orders-token' },
  { action: 'agent-run.started', agentRun: 'run-2', what: ['codex'] },
  { action: 'agent-run.finished', agentRun: 'run-1', detail: 'succeeded' },
];

test('a token leads to whom it was given, for what, in which run, by which approval, each once', async () => {
  const { lines, agentRuns, approvals } = await traced({ jti: 'j-1' }, events);
  expect(lines.map(({ line, times }) => [line.agent, line.reason, line.agentRun, line.approval, times])).toEqual([
    ['codex', 'the nightly export', 'run-1', 'a-1', 2],
    ['other', undefined, undefined, undefined, 1],
  ]);
  expect(lines[0]).toMatchObject({ first: expect.any(String), line: { request: 'r-1' } });
  expect([...agentRuns].map(([run, [first, ...more]]) => [run, first?.detail, more.length])).toEqual([
    ['run-1', 'for 1h', 1],
  ]);
  expect([...approvals.keys()]).toEqual([]);
});

test.each([
  ['the second of several', 'j-3', 1],
  ['one that begins so', 'j', 0],
  ['one that nobody was given', 'j-4', 0],
])('%s is looked for exactly', async (_, jti, count) => {
  expect((await traced({ jti }, events)).lines).toHaveLength(count);
});

test('an agent run leads to all that it was given and refused, and to what only claims to be it', async () => {
  const { lines, agentRuns } = await traced({ agentRun: 'run-1' }, events);
  expect(lines.map(({ line, times }) => [line.action, line.agent, line.outcome, line.agentRun, times])).toEqual([
    ['token.issue', 'codex', 'allowed', 'run-1', 2],
    ['token.issue', 'codex', 'allowed', 'run-1', 1],
    ['secrets.resolve', 'codex', 'denied', 'run-1', 1],
    ['token.issue', 'other', 'allowed', undefined, 1],
    ['hook.inspect', 'codex', 'allowed', 'run-1', 1],
  ]);
  expect([...agentRuns.keys()]).toEqual(['run-1']);
});
