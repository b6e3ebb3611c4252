import { connection } from '../adapters/connection-forms.ts';
import { form, optional, required, withDefault } from '../language/forms.ts';
import { pureStep } from './contract.ts';

/** Verifies a JWT as a resource server does (RFC 9068, section 4). */
export const jwtVerify = pureStep({
  name: 'jwt/verify',
  summary: "Verifies a JWT with the issuer's keys, and gives its header and claims.",
  effect: 'none',
  with: {
    token: required(form.secret(), 'the token', { example: '${{ steps.token }}' }),
    issuer: required(connection('issuers'), 'the issuer that must have signed it', {
      example: '${{ issuers.main }}',
    }),
    audience: optional(form.list(form.text(), { orOne: true }), 'must be in its `aud`; of a list, each'),
    'require-claims': optional(
      form.mapping(form.json()),
      'claims that it must hold: equal, or in its list; of a list, each value',
    ),
    'clock-tolerance': withDefault(form.number({ minimum: 0, maximum: 300 }), 0, 'seconds by which clocks may differ'),
  },
  output: {
    header: { type: 'json', description: 'the JOSE header' },
    claims: { type: 'json', description: 'the claims set' },
  },
  async run(input) {
    return input.issuer.verify(input.token, {
      audience: input.audience,
      requireClaims: input['require-claims'],
      clockTolerance: input['clock-tolerance'],
    });
  },
});
