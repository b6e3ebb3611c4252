import type { NextFunction, Request, Response } from 'express';

type ScimType = 'uniqueness' | 'invalidValue' | 'invalidFilter' | 'invalidSyntax' | 'invalidPath';

/** An answer of RFC 7644, section 3.12. */
export class ScimError extends Error {
  override readonly name = 'ScimError';
  readonly status: number;
  readonly scimType: ScimType | undefined;

  constructor(status: number, detail: string, scimType?: ScimType) {
    super(detail);
    this.status = status;
    this.scimType = scimType;
  }
}

export function sendScim(response: Response, status: number, body: object): void {
  response.status(status).set('Content-Type', 'application/scim+json').send(JSON.stringify(body));
}

/** Sends any error as a SCIM one; `status` is a string there. */
export function scimErrors(error: unknown, _request: Request, response: Response, next: NextFunction): void {
  if (response.headersSent) return next(error);
  const known = asScimError(error);
  if (known.status === 401) response.set('WWW-Authenticate', 'Bearer realm="scim"');
  sendScim(response, known.status, {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
    status: String(known.status),
    scimType: known.scimType,
    detail: known.message,
  });
}

function asScimError(error: unknown): ScimError {
  if (error instanceof ScimError) return error;
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined;
  // what Express's body parser throws
  if (status === 413) return new ScimError(413, 'the body is too large');
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return new ScimError(status, 'the body cannot be read', 'invalidSyntax');
  }
  return new ScimError(500, 'an unexpected fault');
}
