import { createHash, createPublicKey, randomBytes } from 'node:crypto';
import { verifyAuthenticationResponse } from '@simplewebauthn/server';
import { describe, expect, it, test } from 'vitest';
import {
  type Assertion,
  checkAssertion,
  checkRegistration,
  type KnownPasskey,
  type PasskeyAlgorithm,
  type Registration,
} from '../../src/foundation/passkey.ts';
import { type Asked, coseKey, createSoftwarePasskey } from '../../src/laptop/software-passkey.ts';

const [origin, rpId] = ['http://localhost:7700', 'localhost'];
const challenge = randomBytes(32);
const asked: Asked = { challenge, origin, rpId };
const algorithms: readonly PasskeyAlgorithm[] = ['ES256', 'EdDSA', 'RS256'];

function enrolled(algorithm: PasskeyAlgorithm = 'ES256', flags = 0x05) {
  const passkey = createSoftwarePasskey(algorithm);
  const known = checkRegistration(passkey.register({ ...asked, claims: { flags } }), asked);
  if ('problem' in known) throw new Error(known.problem);
  return { passkey, known };
}

/** What a widely used library says of the same assertion. */
async function library(assertion: Assertion, { publicKey, algorithm, id }: KnownPasskey): Promise<boolean> {
  const key = createPublicKey({ key: Buffer.from(publicKey, 'base64url'), format: 'der', type: 'spki' });
  try {
    const { verified } = await verifyAuthenticationResponse({
      response: {
        id: assertion.id,
        rawId: assertion.id,
        type: 'public-key',
        clientExtensionResults: {},
        response: { ...assertion },
      },
      expectedChallenge: challenge.toString('base64url'),
      expectedOrigin: origin,
      expectedRPID: rpId,
      requireUserVerification: true,
      credential: { id, counter: 0, publicKey: new Uint8Array(coseKey(key, algorithm)) },
    });
    return verified;
  } catch {
    return false;
  }
}

describe('a passkey', () => {
  test.each(algorithms)('that was enrolled signs: %s', async (algorithm) => {
    const { passkey, known } = enrolled(algorithm);
    expect(known).toMatchObject({ id: passkey.id, algorithm, synced: false, counter: 1 });
    const assertion = passkey.assert(asked);
    expect(checkAssertion(assertion, known, asked)).toEqual({ counter: 2 });
    expect(await library(assertion, known)).toBe(true);
  });

  const refused: readonly [string, Asked['claims'], string, agreed?: boolean][] = [
    ['nobody there', { flags: 0x04 }, 'user-present'],
    ['nobody verified', { flags: 0x01 }, 'user-verified'],
    ['a backup of what cannot be backed up', { flags: 0x15 }, 'backup-state'],
    // the library lets these two pass
    ['one that can be backed up of a sudden', { flags: 0x0d }, 'backup-eligible', false],
    ['a frame of another page', { client: { crossOrigin: true } }, 'cross-origin', false],
    ['a frame that is not said to be one', { client: { topOrigin: origin, crossOrigin: true } }, 'cross-origin'],
    ['another port of this machine', { client: { origin: 'http://localhost:7701' } }, 'origin'],
    ['the same page by https', { client: { origin: 'https://localhost:7700' } }, 'origin'],
    ['a registration', { type: 'webauthn.create' }, 'type'],
    ['another challenge', { client: { challenge: randomBytes(32).toString('base64url') } }, 'challenge'],
    ['a credential beside it', { flags: 0x45 }, 'authenticator-data'],
  ];
  test.each(refused)('that says of itself what must not be: %s', async (_, claims = {}, problem, agreed = true) => {
    const { passkey, known } = enrolled();
    const assertion = passkey.assert({ ...asked, claims });
    expect(checkAssertion(assertion, known, asked)).toEqual({ problem });
    expect(await library(assertion, known)).toBe(!agreed);
  });

  it('of another relying party, another person or another algorithm is none', async () => {
    const [mine, other] = [enrolled(), enrolled()];
    const elsewhere = mine.passkey.assert({ ...asked, rpId: 'example.com' });
    expect(checkAssertion(elsewhere, mine.known, asked)).toEqual({ problem: 'rp-id' });
    const theirs = other.passkey.assert(asked);
    expect(checkAssertion(theirs, mine.known, asked)).toEqual({ problem: 'credential' });
    expect(checkAssertion({ ...theirs, id: mine.known.id }, mine.known, asked)).toEqual({ problem: 'signature' });
    expect(await library({ ...theirs, id: mine.known.id }, mine.known)).toBe(false);
    expect(checkAssertion(mine.passkey.assert(asked), { ...mine.known, algorithm: 'EdDSA' }, asked)).toEqual({
      problem: 'key',
    });
  });

  it('is refused in every encoding but base64url, and in what is no client data', () => {
    const { passkey, known } = enrolled();
    const good = passkey.assert(asked);
    for (const bad of [`${good.signature}=`, ` ${good.signature}`, good.signature.replace(/^./, '+')])
      expect(checkAssertion({ ...good, signature: bad }, known, asked)).toEqual({ problem: 'encoding' });
    const client = (text: string | Buffer) => ({ ...good, clientDataJSON: Buffer.from(text).toString('base64url') });
    for (const bad of ['', '[]', 'null', '{', Buffer.from([0xff]), '\ufeff{}'])
      expect(checkAssertion(client(bad), known, asked)).toEqual({ problem: 'client-data' });
  });

  test.each(algorithms)('refuses every bit that is turned, as a widely used library does: %s', async (algorithm) => {
    const { passkey, known } = enrolled(algorithm);
    const good = passkey.assert(asked);
    let [tried, differ] = [0, 0];
    for (const part of ['clientDataJSON', 'authenticatorData', 'signature'] as const) {
      const bytes = Buffer.from(good[part], 'base64url');
      for (let bit = 0; bit < bytes.length * 8; bit += 1) {
        const turned = Buffer.from(bytes);
        turned[bit >> 3] = (turned[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const bad = { ...good, [part]: turned.toString('base64url') };
        const ours = 'counter' in checkAssertion(bad, known, asked);
        tried += 1;
        // the library reads the DER of an ECDSA signature more loosely than Node does
        if ((await library(bad, known)) !== ours) differ += 1;
        expect(ours, `${part} ${bit}`).toBe(false);
      }
      for (const cut of [bytes.subarray(1), bytes.subarray(0, -1), Buffer.concat([bytes, Buffer.from([0])])]) {
        const bad = { ...good, [part]: cut.toString('base64url') };
        expect(checkAssertion(bad, known, asked)).toHaveProperty('problem');
        if (await library(bad, known)) differ += 1;
      }
    }
    expect(tried).toBeGreaterThan(1_800);
    expect(differ).toBeLessThanOrEqual(algorithm === 'ES256' ? 9 : 0);
  });

  it('is enrolled only as what the authenticator says, for this page, with its user verified', () => {
    const passkey = createSoftwarePasskey();
    const good = passkey.register(asked);
    const other = createSoftwarePasskey().register(asked);
    const cases: readonly [Partial<Registration>, string][] = [
      [{ publicKey: other.publicKey }, 'key'],
      [{ id: other.id }, 'credential'],
      [{ publicKeyAlgorithm: -8 }, 'key'],
      [{ publicKeyAlgorithm: -48 }, 'key'],
      [{ authenticatorData: passkey.assert(asked).authenticatorData }, 'authenticator-data'],
      [{ clientDataJSON: passkey.assert(asked).clientDataJSON }, 'type'],
      [passkey.register({ ...asked, origin: 'http://localhost:1' }), 'origin'],
      [passkey.register({ ...asked, rpId: 'example.com' }), 'rp-id'],
      [passkey.register({ ...asked, challenge: randomBytes(32) }), 'challenge'],
      [passkey.register({ ...asked, claims: { flags: 0x01 } }), 'user-verified'],
    ];
    for (const [change, problem] of cases)
      expect(checkRegistration({ ...good, ...change }, asked)).toEqual({ problem });
    expect(checkRegistration(passkey.register({ ...asked, claims: { flags: 0x1d } }), asked)).toMatchObject({
      synced: true,
    });
  });

  it('has a relying party id that is hashed as it is written', () => {
    const { authenticatorData } = createSoftwarePasskey().assert(asked);
    const hash = createHash('sha256').update(rpId).digest();
    expect(Buffer.from(authenticatorData, 'base64url').subarray(0, 32)).toEqual(hash);
  });
});
