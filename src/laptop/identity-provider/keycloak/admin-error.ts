import type { NextFunction, Request, Response } from 'express';

/** An answer of Keycloak's Admin REST API that is none of success, as a real one gave it. */
export class AdminError extends Error {
  readonly status: number;
  readonly body: object;

  constructor(status: number, body: object) {
    super(`answered with ${status}`);
    this.status = status;
    this.body = body;
  }
}

export const missing = (what: string) => new AdminError(404, { error: `${what} not found` });

export function adminErrors(error: unknown, _request: Request, response: Response, next: NextFunction): void {
  if (response.headersSent || !(error instanceof AdminError)) return next(error);
  response.status(error.status).json(error.body);
}
