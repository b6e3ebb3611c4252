import { challengeOf } from '../../foundation/approval-statement.ts';
import { checkIssuerDecision } from './issuer-decision.ts';
import type { ProofKind, ToProve } from './proof.ts';
import { type Flight, flightBy, patience, type SignIns } from './sign-ins.ts';

/**
 * By a sign-in at the issuer, made for the statement alone: the ID token holds it as its `nonce`. A session that is there
 * counts for nothing, and so does any other sign-in.
 * @param now epoch milliseconds
 */
export function createIssuerProof(signIns: SignIns, now: () => number): ProofKind {
  const flightOf = ({ statement, derive }: ToProve): Flight => ({
    ...flightBy(derive),
    nonce: challengeOf(statement).toString('base64url'),
    anew: true,
  });
  return {
    patience,
    async ask(wanted) {
      const { approver, place } = wanted;
      const there = approver.trust.some(
        ({ issuer, audience }) => issuer === place?.issuer && audience === place.client,
      );
      if (place === undefined || !there) return undefined;
      return { authorize: await signIns.begin(place, flightOf(wanted)) };
    },
    async prove(given, wanted, bound) {
      const { approver, statement, place } = wanted;
      const refused = (why: string) => ({ problem: `a sign-in that is not taken: ${why}` });
      if (!('callback' in given) || place === undefined) return refused('none');
      const found = await signIns.finish(place, flightOf(wanted), given.callback);
      if ('problem' in found) return refused(found.problem);
      if (found.approver !== approver.name) return refused(`it is that of "${found.approver}"`);
      const { idToken, issuerKey } = found;
      const signed = { statement, bound, idToken, issuerKey };
      // as whoever reads the trail will, later
      const checked = await checkIssuerDecision(signed, () => approver.trust, now());
      if ('problem' in checked) return refused(checked.problem);
      return { by: 'oidc', signed, detail: `by a sign-in at ${place.issuer}, not by a passkey` };
    },
  };
}
