import { describe, expect, it, test } from 'vitest';
import type { AuditLine } from '../../../src/audit/read-trail.ts';
import { explainRequest } from '../../../src/broker/policy/explain-request.ts';
import { loadBrokerFiles } from '../../../src/folder/policy-and-registry.ts';
import { load } from '../../folder/folder.ts';

const event: AuditLine = {
  seq: 7,
  at: '2026-11-22T07:00:00.000Z',
  agent: 'codex',
  action: 'secrets.resolve',
  what: ['stripe.live_kye', 'github.token'],
  outcome: 'denied',
  code: 'not-allowed',
  rule: 'default: deny',
  request: 'r-1',
};

async function explained(change: Partial<AuditLine> = {}) {
  const folder = await load({
    'registry.yaml':
      'secrets:\n  github.token: { reference: op://A/B/c }\n  stripe.live_key: { reference: op://A/B/d }\n',
    'policy.yaml': `agents:\n  codex:\n    tokens: ['sha256:${'a'.repeat(64)}']\n    allow: [github.*]\n`,
  });
  const { policy, registry, problems } = loadBrokerFiles(folder);
  expect(problems).toEqual([]);
  return explainRequest({ ...event, ...change }, { policy, registry, flows: folder.flows });
}

describe('a request', () => {
  it('is told as it was answered, and each of its names as it would be now', async () => {
    const { line, names } = await explained();
    expect(line).toBe(
      '2026-11-22T07:00:00.000Z: secrets.resolve of "codex" for stripe.live_kye, github.token was denied (not-allowed; by default: deny)',
    );
    expect(names).toMatchObject([
      {
        name: 'stripe.live_kye',
        decision: { allowed: false },
        notes: ['registry.yaml has no secret "stripe.live_kye" (did you mean "stripe.live_key"?)'],
      },
      { name: 'github.token', decision: { allowed: true } },
    ]);
  });

  test.each<[string, Partial<AuditLine>]>([
    ['of nobody', { agent: 'unknown', action: 'authenticate', what: [], detail: 'expired' }],
    ['of nobody for something', { agent: 'unknown' }],
    ['for a list', { action: 'flows.list', what: [] }],
    ['of an action that it does not know', { action: 'constructor' as AuditLine['action'] }],
  ])('%s has nothing to be decided again', async (_, change) => {
    const { names, line } = await explained(change);
    expect(names).toEqual([]);
    expect(line).toContain('2026-11-22');
  });
});
