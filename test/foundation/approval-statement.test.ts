import { describe, expect, it, test } from 'vitest';
import {
  boundDigest,
  challengeOf,
  checkDecision,
  type PasskeyDecision,
  statementIn,
  statementText,
} from '../../src/foundation/approval-statement.ts';
import { canonical } from '../../src/foundation/canonical-json.ts';
import { checkRegistration } from '../../src/foundation/passkey.ts';
import { createSoftwarePasskey } from '../../src/laptop/software-passkey.ts';

const page = { origin: 'http://localhost:7700', rpId: 'localhost' };
const passkey = createSoftwarePasskey();
const asked = { ...page, challenge: Buffer.from('x') };
const known = enrolled();
const keys = (approver: string) => (approver === 'ann' ? [known] : []);

function enrolled() {
  const found = checkRegistration(passkey.register(asked), asked);
  if ('problem' in found) throw new Error(found.problem);
  return found;
}

const bound = canonical({ agent: 'codex', what: ['stripe.live_key'], v: 1 });
const facts = {
  approval: 'a1',
  decision: 'approve',
  approver: 'ann',
  scope: 'call',
  uses: 1,
  lasts: 600,
  digest: boundDigest(bound),
  origin: page.origin,
  asked: '2026-11-29T20:00:00.000Z',
} as const;

function decided(change: Partial<Parameters<typeof statementText>[0]> = {}): PasskeyDecision {
  const statement = statementText({ ...facts, ...change });
  const { id, ...assertion } = passkey.assert({ ...page, challenge: challengeOf(statement) });
  const credential = { id, algorithm: known.algorithm, publicKey: known.publicKey };
  return { statement, bound, rpId: page.rpId, credential, ...assertion };
}

describe('a decision', () => {
  it('is what its approver signed', () => {
    expect(checkDecision(decided(), keys)).toMatchObject({ statement: { decision: 'approve', approver: 'ann', v: 1 } });
  });

  test.each<[string, (signed: PasskeyDecision) => PasskeyDecision, string]>([
    ['a no made a yes', (s) => ({ ...decided({ decision: 'deny' }), statement: s.statement }), 'challenge'],
    ['a longer life', (s) => ({ ...s, statement: s.statement.replace('600', '900') }), 'challenge'],
    ['another scope', (s) => ({ ...s, statement: s.statement.replace('"call"', '"run"') }), 'challenge'],
    ['another thing', (s) => ({ ...s, bound: s.bound.replace('stripe', 'github') }), 'digest'],
    ['another person', () => decided({ approver: 'bo' }), 'unknown-key'],
    ['a key of the line', (s) => ({ ...s, credential: { ...s.credential, id: 'A'.repeat(43) } }), 'unknown-key'],
    ['another relying party', (s) => ({ ...s, rpId: 'example.com' }), 'rp-id'],
    ['another page', () => decided({ origin: 'http://localhost:7701' }), 'origin'],
    ['a statement with spaces', (s) => ({ ...s, statement: s.statement.replace(':', ': ') }), 'statement'],
    [
      'a statement that says it twice',
      (s) => ({ ...s, statement: s.statement.replace('{', '{"decision":"deny",') }),
      'statement',
    ],
    [
      'a statement of another version',
      (s) => ({ ...s, statement: s.statement.replace('"v":1', '"v":2') }),
      'statement',
    ],
  ])('is none with %s', (_, change, problem) => {
    expect(checkDecision(change(decided()), keys)).toEqual({ problem });
  });

  it('is refused whatever single character of it is another one', () => {
    const good = decided();
    const parts = ['statement', 'bound', 'rpId', 'clientDataJSON', 'authenticatorData', 'signature'] as const;
    for (const part of parts) {
      for (let at = 0; at < good[part].length; at += 1) {
        const other = good[part].charAt(at) === 'A' ? 'B' : 'A';
        const bad = { ...good, [part]: `${good[part].slice(0, at)}${other}${good[part].slice(at + 1)}` };
        expect(checkDecision(bad, keys), `${part} ${at}`).toHaveProperty('problem');
      }
    }
  });

  it('has a nonce of its own each time', () => {
    expect(statementIn(statementText(facts))?.nonce).not.toBe(statementIn(statementText(facts))?.nonce);
  });
});
