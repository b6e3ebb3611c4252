import { json, Router, type Request, type RequestHandler } from 'express';
import { Secret } from '../../foundation/secret.ts';
import type { Attempts } from './failed-attempts.ts';
import type { IssuedTokens } from './issued-tokens.ts';
import type { LiveSecrets } from './live-secrets.ts';
import { acceptablePassword, shortestPassword } from './passwords.ts';
import { clientSecretResources } from './scim-client-secrets.ts';
import { ScimError, scimErrors, sendScim } from './scim-errors.ts';
import { parseFilter } from './scim-filter.ts';
import { listSchema, parseNewUser, parsePatch, userResource, versionTag } from './scim-resources.ts';
import type { UserRecord, Users } from './users.ts';

export interface ScimOptions {
  readonly users: Users;
  readonly clientSecrets: LiveSecrets;
  /** who is locked */
  readonly attempts: Pick<Attempts, 'locked'>;
  readonly issued: IssuedTokens;
  /** also the audience of the access tokens that are taken */
  readonly scimUrl: string;
  readonly token: Secret | undefined;
}

const pageSize = 100;

/** SCIM 2.0 (RFC 7643, RFC 7644) for users: create, look up, patch, delete. */
export function scimApi(options: ScimOptions): Router {
  const { attempts, users, scimUrl } = options;
  const router = Router();
  const shown = (user: UserRecord) => userResource(user, locationOf(user), attempts.locked(user.id));
  const locationOf = (user: UserRecord) => `${scimUrl}/Users/${encodeURIComponent(user.id)}`;
  const found = (request: Request) => {
    const id = request.params['id'];
    const user = typeof id === 'string' ? users.get(id) : undefined;
    if (user === undefined) throw new ScimError(404, 'there is no such user');
    return user;
  };
  const checkPassword = (password: Secret | undefined) => {
    if (password !== undefined && !acceptablePassword(password)) {
      throw new ScimError(400, `password: at least ${shortestPassword} characters`, 'invalidValue');
    }
  };

  router.use(authenticated(options));
  router.use(json({ type: ['application/scim+json', 'application/json'], limit: '100kb' }));
  router.get('/ServiceProviderConfig', (_request, response) => sendScim(response, 200, serviceProviderConfig));

  router.post('/Users', async (request, response) => {
    const { fields, password } = parseNewUser(body(request));
    checkPassword(password);
    const user = await users.create(fields, password);
    if (user === undefined) throw new ScimError(409, 'the user name is taken', 'uniqueness');
    response.set({ Location: locationOf(user), ETag: versionTag(user) });
    sendScim(response, 201, shown(user));
  });

  router.get('/Users', (request, response) => {
    const { filter } = request.query;
    if (filter !== undefined && typeof filter !== 'string') throw new ScimError(400, 'one filter', 'invalidFilter');
    const matching = filter === undefined ? users.all() : filtered(users, filter);
    const start = Math.max(1, wholeNumber(request.query['startIndex'], 1));
    const count = Math.max(0, Math.min(pageSize, wholeNumber(request.query['count'], pageSize)));
    const page = matching.slice(start - 1, start - 1 + count);
    sendScim(response, 200, {
      schemas: [listSchema],
      totalResults: matching.length,
      startIndex: start,
      itemsPerPage: page.length,
      Resources: page.map((user) => shown(user)),
    });
  });

  router.get('/Users/:id', (request, response) => {
    const user = found(request);
    response.set('ETag', versionTag(user));
    sendScim(response, 200, shown(user));
  });

  router.patch('/Users/:id', async (request, response) => {
    const user = found(request);
    const change = parsePatch(body(request));
    checkPassword(change.password);
    const match = request.get('If-Match');
    if (match !== undefined && match !== '*' && match !== versionTag(user)) throw changedMeanwhile();
    const changed = await users.change(
      user.id,
      change,
      match === undefined || match === '*' ? undefined : user.version,
    );
    if (changed === undefined) throw new ScimError(404, 'there is no such user');
    if (changed === false) throw changedMeanwhile();
    response.set('ETag', versionTag(changed));
    sendScim(response, 200, shown(changed));
  });

  router.delete('/Users/:id', (request, response) => {
    users.remove(found(request).id);
    response.status(204).end();
  });

  router.use('/ClientSecrets', clientSecretResources(options.clientSecrets));

  router.use(() => {
    throw new ScimError(404, 'there is no such resource');
  });
  router.use(scimErrors);
  return router;
}

/** A bearer: an access token of this issuer for this API (RFC 9068), or the fixed one. */
function authenticated({ issued, scimUrl, token }: ScimOptions): RequestHandler {
  return async (request, _response, next) => {
    const given = /^Bearer +(?<token>[\x21-\x7e]+)$/i.exec(request.get('Authorization') ?? '')?.groups?.['token'];
    if (given === undefined) throw new ScimError(401, 'a bearer token is needed');
    if (token?.equals(new Secret(given)) !== true) {
      if ((await issued.accept(given, [scimUrl, `${scimUrl}/`])) === undefined)
        throw new ScimError(401, 'the bearer token is not valid for this API');
    }
    next();
  };
}

function filtered(users: Users, filter: string): readonly UserRecord[] {
  const { attribute, value } = parseFilter(filter);
  if (attribute === 'externalId') return users.all().filter((user) => user.externalId === value);
  const user = users.byUserName(value);
  return user === undefined ? [] : [user];
}

function body(request: Request): unknown {
  if (request.body !== undefined) return request.body;
  throw new ScimError(415, 'the body must be application/scim+json');
}

function wholeNumber(value: unknown, otherwise: number): number {
  return typeof value === 'string' && /^\d{1,6}$/.test(value) ? Number(value) : otherwise;
}

function changedMeanwhile(): ScimError {
  return new ScimError(412, 'the user was changed meanwhile');
}

const serviceProviderConfig = {
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],
  patch: { supported: true },
  bulk: { supported: false, maxOperations: 0, maxPayloadSize: 0 },
  filter: { supported: true, maxResults: pageSize },
  changePassword: { supported: true },
  sort: { supported: false },
  etag: { supported: true },
  authenticationSchemes: [{ type: 'oauthbearertoken', name: 'OAuth bearer token', description: 'RFC 6750' }],
  meta: { resourceType: 'ServiceProviderConfig' },
};
