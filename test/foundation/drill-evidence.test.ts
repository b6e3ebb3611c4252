import { describe, expect, test } from 'vitest';
import {
  checkEvidence,
  type DrillEvidence,
  evidenceIn,
  proves,
  signedEvidenceIn,
  signEvidence,
  versionOf,
} from '../../src/foundation/drill-evidence.ts';
import { ed25519In, ed25519KeyOf, ed25519Text } from '../../src/foundation/ed25519.ts';
import { Secret } from '../../src/foundation/secret.ts';

const ours = ed25519KeyOf(new Uint8Array(32).fill(7));
const others = ed25519KeyOf(new Uint8Array(32).fill(8));
const key = ed25519Text(ours.public);
const found: DrillEvidence = {
  v: 1,
  drill: 'break-glass-drill',
  environment: 'production',
  id: 'r-1',
  by: 'local:ann',
  schedule: null,
  began: '2026-11-30T03:00:00.000Z',
  took: 2_000,
  held: true,
  broken: [],
  accounts: [
    { username: 'glass', provider: 'main', address: 'https://x', step: 'one', proven: 'now', password: 'p', seed: 's' },
  ],
  steps: [{ step: 'one', uses: 'idp/sign-in', outcome: 'done', code: null, milliseconds: 1 }],
  alerts: [],
  skew: 0,
};
const signed = signEvidence(found, ours);

describe('evidence of a drill', () => {
  test('that was changed, or is signed with another key, is told from what was signed', () => {
    expect(checkEvidence(signed, [key])).toEqual({ evidence: found });
    const changed = { ...signed, evidence: signed.evidence.replace('"held":true', '"held":false') };
    expect(checkEvidence(changed, [key])).toEqual({ problem: 'signature' });
    const other = ed25519Text(others.public);
    expect(checkEvidence(signed, [other])).toEqual({ problem: 'unknown-key' });
    // who signs anew with a key of their own is not believed for naming it, nor for naming ours
    const forged = signEvidence(found, others);
    expect(checkEvidence(forged, [key])).toEqual({ problem: 'unknown-key' });
    expect(checkEvidence({ ...forged, key }, [key])).toEqual({ problem: 'signature' });
    expect(checkEvidence({ ...signed, signature: '' }, [key])).toEqual({ problem: 'signature' });
    expect(checkEvidence(signed, [])).toEqual({ problem: 'unknown-key' });
  });

  test.each(['', 'null', '[]', '{}', '{"v":2}', ` ${signed.evidence}`, signed.evidence.replace('{', '{"v":1,')])(
    'that is written otherwise than we write it is none: %s',
    (evidence) => {
      expect(evidenceIn(evidence)).toBeUndefined();
      expect(checkEvidence({ ...signed, evidence }, [key])).toEqual({ problem: 'form' });
    },
  );

  test('is found as it is printed, and on a line of the trail, and nowhere else', () => {
    expect(signedEvidenceIn(JSON.stringify(signed))).toEqual(signed);
    expect(signedEvidenceIn(JSON.stringify({ seq: 1, action: 'drill.finished', evidence: signed }))).toEqual(signed);
    for (const line of ['', 'x', 'null', '{}', '{"evidence":null}', '{"evidence":"x"}', '{"evidence":{"key":"x"}}'])
      expect(signedEvidenceIn(line)).toBeUndefined();
  });

  test('proves an account where its own step and what all stand on hold', () => {
    const [account] = found.accounts;
    if (account === undefined) throw new Error('no account');
    const link = (step: string | null) => ({ broken: [{ step, why: 'it is' }] });
    expect(proves(found, account)).toBe(true);
    expect(proves(link('two'), account)).toBe(true);
    expect(proves(link('one'), account)).toBe(false);
    expect(proves(link(null), account)).toBe(false);
    expect(proves(found, { ...account, proven: null })).toBe(false);
  });
});

test('a version tells one value from another, and one place from another, and not what it is', () => {
  const [one, two] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  const value = new Secret('correct horse battery');
  const version = versionOf(one, 'op://a/b/c', value);
  expect(version).toMatch(/^[\w-]{22}$/);
  expect(versionOf(one, 'op://a/b/c', new Secret('correct horse battery'))).toBe(version);
  expect(versionOf(one, 'op://a/b/c', new Secret('correct horse batterz'))).not.toBe(version);
  expect(versionOf(one, 'op://a/b/d', value)).not.toBe(version);
  expect(versionOf(two, 'op://a/b/c', value)).not.toBe(version);
});

test('a public key is 43 characters, and nothing else is one', () => {
  expect(key).toMatch(/^[\w-]{43}$/);
  expect(ed25519In(key)?.equals(ours.public)).toBe(true);
  for (const text of ['', 'x', key.slice(1), `${key}A`, `${key}=`, `${key.slice(0, 42)}_`])
    expect(ed25519In(text)).toBeUndefined();
});
