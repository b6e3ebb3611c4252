import { challengeOf } from '../../foundation/approval-statement.ts';
import { checkIssuerDecision } from './issuer-decision.ts';
import type { ProofKind } from './proof.ts';
import { patience, type SignIns } from './sign-ins.ts';

/**
 * By a sign-in at the issuer, made for the statement alone: the ID token holds it as its `nonce`. A session that is there
 * counts for nothing, and so does any other sign-in.
 * @param now epoch milliseconds
 */
export function createIssuerProof(signIns: SignIns, now: () => number): ProofKind {
  return async ({ name, trust }, statement, _, { place }) => {
    const there = trust.find(({ issuer, audience }) => issuer === place?.issuer && audience === place.client);
    if (place === undefined || there === undefined) return undefined;
    const nonce = challengeOf(statement).toString('base64url');
    const { url, finish } = await signIns.begin(place, { nonce, anew: true });
    return {
      wanted: { authorize: url },
      patience,
      async prove(given, approver, bound) {
        const refused = (why: string) => ({ problem: `a sign-in that is not taken: ${why}` });
        if (!('callback' in given)) return refused('none');
        const found = await finish(given.callback);
        if ('problem' in found) return refused(found.problem);
        if (found.approver !== name) return refused(`it is that of "${found.approver}"`);
        const { idToken, issuerKey } = found;
        const signed = { statement, bound, idToken, issuerKey };
        // as whoever reads the trail will, later
        const checked = await checkIssuerDecision(signed, () => approver.trust, now());
        if ('problem' in checked) return refused(checked.problem);
        return { by: 'oidc', signed, detail: `by a sign-in at ${place.issuer}, not by a passkey` };
      },
    };
  };
}
