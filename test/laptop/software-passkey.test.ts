import { createPublicKey } from 'node:crypto';
import { expect, test } from 'vitest';
import { checkAssertion, checkRegistration } from '../../src/foundation/passkey.ts';
import { coseKey, createSoftwarePasskey } from '../../src/laptop/software-passkey.ts';

const asked = { challenge: Buffer.from('a challenge'), origin: 'http://localhost:7700', rpId: 'localhost' };

test.each([
  ['ES256', 77],
  ['EdDSA', 42],
  ['RS256', 272],
] as const)('a software passkey of %s is one that our own check takes', (algorithm, length) => {
  const passkey = createSoftwarePasskey(algorithm);
  const registration = passkey.register(asked);
  const known = checkRegistration(registration, asked);
  expect(known).toMatchObject({ id: passkey.id, algorithm });
  if ('problem' in known) throw new Error(known.problem);
  expect(checkAssertion(passkey.assert(asked), known, asked)).toEqual({ counter: 2 });
  const key = createPublicKey({ key: Buffer.from(known.publicKey, 'base64url'), format: 'der', type: 'spki' });
  expect(coseKey(key, algorithm)).toHaveLength(length);
});
