import { errors, type KoaContextWithOIDC, type ResourceServer } from 'oidc-provider';
import type { ClientSeed } from './options.ts';

/**
 * `audience` as Auth0 has it, beside `resource` (RFC 8707), for client credentials. oidc-provider knows resource
 * indicators only, and they must be absolute URIs; an audience may be any text, so it travels inside one.
 */
const prefix = 'urn:audience:';

/** The resource of a request that names none: its `audience`, else the client's first, else the issuer itself. */
export function defaultResource(
  context: KoaContextWithOIDC,
  seed: ClientSeed | undefined,
  issuer: string,
): string | undefined {
  if (context.oidc.params?.['grant_type'] !== 'client_credentials') return undefined;
  return requestedResource(context, seed, issuer);
}

/** The same, whatever the grant. */
export function requestedResource(context: KoaContextWithOIDC, seed: ClientSeed | undefined, issuer: string): string {
  const audience = askedAudience(context) ?? seed?.audiences?.[0] ?? issuer;
  return `${prefix}${encodeURIComponent(audience)}`;
}

/** What a token for this resource is like. @throws invalid_target where the client may not have it */
export function resourceServer(
  context: KoaContextWithOIDC,
  resource: string,
  seed: ClientSeed | undefined,
): ResourceServer & { readonly scope: string } {
  const audience = audienceOf(resource);
  const allowed = seed?.audiences;
  for (const asked of [audience, askedAudience(context) ?? audience]) {
    if (seed === undefined || (allowed !== undefined && !allowed.includes(asked) && asked !== context.oidc.issuer)) {
      throw new errors.InvalidTarget('the audience is unknown, or not for this client');
    }
  }
  return {
    audience,
    scope: (seed?.scopes ?? [...context.oidc.requestParamScopes]).join(' '),
    accessTokenTTL: seed?.tokenTtl ?? 300,
    accessTokenFormat: seed?.tokenFormat ?? 'jwt',
    jwt: { sign: { alg: 'ES256' } },
  };
}

/** Both, where a request names an `audience` and another `resource`. */
export function audienceClaim(context: KoaContextWithOIDC, audience: unknown): unknown {
  const asked = askedAudience(context);
  return asked === undefined || asked === audience ? audience : [audience, asked];
}

function audienceOf(resource: string): string {
  if (!resource.startsWith(prefix)) return resource;
  try {
    return decodeURIComponent(resource.slice(prefix.length));
  } catch {
    return resource;
  }
}

function askedAudience(context: KoaContextWithOIDC): string | undefined {
  const audience: unknown = context.oidc.body?.['audience'];
  if (audience === undefined || audience === '') return undefined;
  if (typeof audience !== 'string') throw new errors.InvalidRequest('audience must not be given twice');
  return audience;
}
