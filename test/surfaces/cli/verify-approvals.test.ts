import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { beforeAll, afterAll, expect, test } from 'vitest';
import type { AuditLine } from '../../../src/audit/read-trail.ts';
import {
  boundDigest,
  challengeOf,
  type IssuerDecision,
  statementText,
} from '../../../src/foundation/approval-statement.ts';
import { verifyApprovals } from '../../../src/surfaces/cli/audit/verify-approvals.ts';
import type { Terminal } from '../../../src/surfaces/cli/terminal.ts';

const folder = mkdtempSync(join(tmpdir(), 'verify-approvals-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const asked = Date.parse('2026-11-29T20:00:00Z');
const bound = '{"what":"stripe.live_key"}';
const facts = { approval: 'a1', decision: 'approve', approver: 'bo', scope: 'call', uses: 1, lasts: 600 } as const;
const origin = 'http://localhost:7700';
let signed: IssuerDecision;

beforeAll(async () => {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  const statement = statementText({
    ...facts,
    digest: boundDigest(bound),
    origin,
    asked: new Date(asked).toISOString(),
  });
  const now = asked / 1_000 + 30;
  const nonce = challengeOf(statement).toString('base64url');
  const claims = {
    iss: 'https://login.example',
    aud: 'flows-page',
    sub: 'bob',
    nonce,
    iat: now,
    auth_time: now,
    exp: now + 60,
  };
  const idToken = await new SignJWT(claims).setProtectedHeader({ alg: 'ES256' }).sign(privateKey);
  signed = { statement, bound, idToken, issuerKey: { ...(await exportJWK(publicKey)) } };
});

const line = (change: Partial<AuditLine> = {}): AuditLine => ({
  seq: 1,
  at: new Date(asked + 31_000).toISOString(),
  agent: 'codex',
  action: 'approval.approved',
  what: ['stripe.live_key'],
  outcome: 'allowed',
  request: 'r',
  approval: 'a1',
  approver: 'bo',
  signed,
  ...change,
});

async function verified(lines: readonly AuditLine[], sub = 'bob') {
  const trust = { issuer: 'https://login.example', audience: 'flows-page', claims: { sub } };
  const file = join(folder, 'policy.yaml');
  writeFileSync(file, JSON.stringify({ approvers: { bo: { trust } }, agents: {} }));
  let text = '';
  const terminal = { out: (more: string) => void (text += more), paint: (_: string, given: string) => given };
  async function* each() {
    yield* lines;
  }
  const code = await verifyApprovals(each(), { file, laptop: false }, terminal as unknown as Terminal, false);
  return [code, text] as const;
}

test('an answer by a sign-in is told from one by a passkey, long after its token has ended', async () => {
  const unsigned = line({ signed: undefined, action: 'approval.denied' });
  expect(await verified([line(), unsigned])).toEqual([
    0,
    'approvals: ok: 0 signed by a passkey of policy.yaml, 1 by a sign-in for it, which its issuer alone signed, 1 by the operator, which nobody signed\n',
  ]);
});

test.each<[string, () => AuditLine, string | undefined, string]>([
  ['another person of the line', () => line({ approver: 'ann' }), undefined, 'the line says something else'],
  ['another answer of the line', () => line({ action: 'approval.denied' }), undefined, 'the line says something else'],
  ['another thing', () => line({ signed: { ...signed, bound: '{}' } }), undefined, 'digest'],
  ['a sign-in of somebody else', () => line(), 'eve', 'the sign-in is that of somebody else than policy.yaml says'],
  [
    'a sign-in for something else',
    () => line({ signed: { ...signed, statement: signed.statement.replace('600', '900') } }),
    undefined,
    'the sign-in was made for something else',
  ],
])('%s is found', async (_, found, sub, why) => {
  expect(await verified([found()], sub)).toEqual([73, expect.stringContaining(why)]);
});
