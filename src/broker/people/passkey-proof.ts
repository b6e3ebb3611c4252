import type { Passkey } from '../../folder/policy/policy.ts';
import { challengeOf, type SignedDecision } from '../../foundation/approval-statement.ts';
import { type Assertion, checkAssertion } from '../../foundation/passkey.ts';
import type { PageAddress } from './page-address.ts';
import type { ProofKind } from './proof.ts';

/** milliseconds that the browser gives a person */
const patience = 120_000;

/** By a passkey that signs the statement, with its user verified. */
export const passkeyProof: ProofKind = {
  patience,
  ask({ approver: { passkeys }, statement, here }) {
    if (passkeys.length === 0) return Promise.resolve(undefined);
    const options = {
      challenge: challengeOf(statement).toString('base64url'),
      rpId: here.rpId,
      timeout: patience,
      userVerification: 'required',
      allowCredentials: passkeys.map(({ id }) => ({ type: 'public-key', id })),
    };
    return Promise.resolve({ options });
  },
  prove(given, { approver, statement, here }, bound) {
    const refused = (why: string) => Promise.resolve({ problem: `a passkey that is not taken: ${why}` });
    if (!('assertion' in given)) return refused('none');
    const passkey = approver.passkeys.find(({ id }) => id === given.assertion.id);
    if (passkey === undefined) return refused('credential');
    const checked = checkAssertion(given.assertion, passkey, { ...here, challenge: challengeOf(statement) });
    if ('problem' in checked) return refused(checked.problem);
    return Promise.resolve({
      by: 'passkey',
      signed: signedBy(passkey, statement, bound, here, given.assertion),
      detail: passkey.software === true ? 'software key' : undefined,
      counter: { credential: passkey.id, counter: checked.counter },
    });
  },
};

function signedBy(
  { id, algorithm, publicKey, software }: Passkey,
  statement: string,
  bound: string,
  { rpId }: PageAddress,
  { clientDataJSON, authenticatorData, signature }: Assertion,
): SignedDecision {
  const credential = { id, algorithm, publicKey, ...(software && { software }) };
  return { statement, bound, rpId, credential, clientDataJSON, authenticatorData, signature };
}
