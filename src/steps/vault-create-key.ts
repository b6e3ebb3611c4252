import { promisify } from 'node:util';
import { Secret } from '../foundation/secret.ts';
import { form, withDefault } from '../language/forms.ts';
import { writeStep } from './contract.ts';
import { publicJwk } from './procedures/live-credentials.ts';
import { planToStage, stageKeys, stageNext, stageOutput } from './procedures/stage-next.ts';

const { field, ...when } = stageKeys;

type KeyType = 'ed25519' | 'p-256' | 'rsa-3072';

export const vaultCreateKey = writeStep({
  name: 'vault/create-key',
  summary:
    'Makes the next private key of a client in memory and stores it at once, in a second field beside the one in force.',
  effect: 'write',
  with: {
    field,
    type: withDefault(
      form.oneOf('ed25519', 'p-256', 'rsa-3072'),
      'ed25519',
      'the kind of key; it is stored as JWK, whose `kid` is its thumbprint (RFC 7638)',
    ),
    ...when,
  },
  output: stageOutput,
  scalar: 'secret',
  writes: (input) => (input.field === undefined ? [] : [input.field.vault]),
  plan: (input, context) => planToStage(input, context),
  run: (input, context) => stageNext(input, () => newKey(input.type), context),
});

async function newKey(type: KeyType): Promise<Secret> {
  const crypto = process.getBuiltinModule('node:crypto');
  const { privateKey } =
    type === 'rsa-3072'
      ? await promisify(crypto.generateKeyPair)('rsa', { modulusLength: 3_072 })
      : type === 'p-256'
        ? crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' })
        : crypto.generateKeyPairSync('ed25519');
  const jwk = privateKey.export({ format: 'jwk' });
  const { kid, alg } = publicJwk(new Secret(JSON.stringify(jwk)));
  return new Secret(JSON.stringify({ ...jwk, kid, alg }));
}
