import { FlowError } from '../../../foundation/errors.ts';
import type { ExchangedToken, ExchangeRequest } from '../contract.ts';
import type { GivenToken } from './ask-issuer.ts';

/** What may be used as an access token where nothing else was asked for. */
const usable = ['access_token', 'jwt'].map((name) => `urn:ietf:params:oauth:token-type:${name}`);

/** A token exchange's answer, compared with what was asked for (RFC 8693, section 2.2.1). @throws FlowError protocol */
export function exchanged(request: ExchangeRequest, { issuedTokenType, ...token }: GivenToken): ExchangedToken {
  const { requestedTokenType: wanted, actor } = request;
  if (issuedTokenType === undefined) {
    throw new FlowError('protocol', "the issuer's answer has no `issued_token_type`", {
      hint: 'RFC 8693, section 2.2.1, requires it: this may be another grant than token exchange',
    });
  }
  if (!(wanted === undefined ? usable : [wanted]).includes(issuedTokenType)) {
    throw new FlowError('protocol', 'the issuer gave another type of token than was asked for', {
      hint: 'write `requested-token-type`, and see what the issuer offers',
    });
  }
  if (actor !== undefined && token.act === undefined && request.tokenFormat === 'jwt') {
    request.warn('the issuer did not use the actor token: the token that it gave has no `act`');
  }
  return { ...token, issuedTokenType };
}
