import type { Provider } from 'oidc-provider';
import type { IssuedTokens } from './issued-tokens.ts';

/**
 * Revocation (RFC 7009) of JWTs too, as Keycloak does it. oidc-provider keeps none of those that it gave and refuses to
 * revoke one, once it has authenticated the client: that refusal becomes what the RFC wants.
 */
export function revokeJwts(provider: Provider, issued: IssuedTokens): void {
  provider.use(async (context, next) => {
    await next();
    if (context.path !== '/token/revocation' || !isUnsupported(context.body)) return;
    const { client, params } = context.oidc;
    const token = await issued.accept(String(params?.['token']));
    // a token of another client's is left alone, and one that is not valid is no error
    if (token !== undefined && token['client_id'] === client?.clientId) issued.revoke(token);
    context.status = 200;
    context.body = '';
  });
}

function isUnsupported(body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'error' in body && body.error === 'unsupported_token_type';
}
