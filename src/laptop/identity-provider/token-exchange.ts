import { errors, type Provider, type TokenEndpointGrantContext } from 'oidc-provider';
import { requestedResource, resourceServer } from './audiences.ts';
import type { IssuedTokens } from './issued-tokens.ts';
import type { ClientSeed } from './options.ts';

export const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange';
const accessToken = 'urn:ietf:params:oauth:token-type:access_token';
const tokenTypes = [accessToken, 'urn:ietf:params:oauth:token-type:jwt'];
const parameters = ['subject_token', 'actor_token', 'requested_token'].flatMap((name) => [name, `${name}_type`]);

type Parameters = Partial<Readonly<Record<string, string>>>;

/** Whom an exchanged token is about, and who acts for it (RFC 8693, section 4.1). */
export interface Exchanged {
  readonly sub: string;
  readonly act: unknown;
}

/**
 * Token exchange (RFC 8693) for every client with a credential: a JWT of this provider for one for another audience,
 * about the same subject; with an actor's token it says in `act` who acts, and in that who acted before.
 * @returns what a token that is being made says, where it is an exchanged one
 */
export function offerTokenExchange(
  provider: Provider,
  seeds: ReadonlyMap<string, ClientSeed>,
  issued: IssuedTokens,
): (token: object) => Exchanged | undefined {
  const made = new WeakMap<object, Exchanged>();

  async function claimsIn(params: Parameters, name: 'subject' | 'actor') {
    const [token, type] = [params[`${name}_token`], params[`${name}_token_type`]];
    if (token === undefined || type === undefined) throw new errors.InvalidRequest(`${name}_token and its type`);
    if (!tokenTypes.includes(type)) throw new errors.InvalidRequest(`${name}_token_type is not supported`);
    const claims = await issued.accept(token);
    if (claims?.sub === undefined) throw new errors.InvalidRequest(`${name}_token is not valid`);
    return { sub: claims.sub, act: claims['act'] };
  }

  async function exchange(context: TokenEndpointGrantContext<Parameters>): Promise<void> {
    const { client, params, requestParamScopes } = context.oidc;
    const { requested_token_type: requested = accessToken, actor_token: actorToken } = params;
    if (!tokenTypes.includes(requested)) throw new errors.InvalidRequest('requested_token_type is not supported');
    const subject = await claimsIn(params, 'subject');
    const actor = actorToken === undefined ? undefined : await claimsIn(params, 'actor');
    const seed = seeds.get(client.clientId);
    const [resource, ...others] = [params.resource ?? requestedResource(context, seed, provider.issuer)].flat();
    if (resource === undefined || others.length > 0) throw new errors.InvalidTarget('one resource alone');
    const server = resourceServer(context, resource, seed);
    const scopes = new Set([...requestParamScopes].filter((scope) => server.scope.split(' ').includes(scope)));
    const token = new provider.ClientCredentials({ client, scope: [...scopes].join(' ') || undefined });
    token.resourceServer = { ...server, scopes, identifier: () => resource };
    made.set(token, {
      sub: subject.sub,
      act: actor === undefined ? subject.act : { sub: actor.sub, act: subject.act },
    });
    context.body = {
      access_token: await token.save(),
      issued_token_type: requested,
      token_type: token.tokenType,
      expires_in: token.expiration,
      scope: token.scope,
    };
  }

  provider.registerGrantType<Parameters>(exchangeGrant, exchange, ['scope', 'resource', ...parameters], ['resource']);
  return (token) => made.get(token);
}
