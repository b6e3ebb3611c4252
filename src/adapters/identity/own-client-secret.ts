import { FlowError } from '../../foundation/errors.ts';
import type { Secret } from '../../foundation/secret.ts';

/** characters: the providers themselves take shorter ones */
const shortest = 16;

/** A new client secret that is ours to make, and long enough. @throws FlowError invalid-value */
export function requireOwnSecret(secret: Secret | undefined): Secret {
  if (secret === undefined) throw new TypeError('a new secret of ours is given');
  if (secret.reveal().length >= shortest) return secret;
  throw new FlowError('invalid-value', `a client secret has at least ${shortest} characters`, {
    hint: 'let the vault make one',
    place: { subject: 'secret' },
  });
}
