import { randomUUID } from 'node:crypto';
import type { NextFunction, Request, Response } from 'express';

interface Detail {
  readonly code: string;
  readonly target: string;
}

/** An answer of Graph that is none of success. */
export class GraphError extends Error {
  readonly status: number;
  readonly code: string;
  readonly detail: Detail | undefined;

  constructor(status: number, code: string, message: string, detail?: Detail) {
    super(message);
    this.status = status;
    this.code = code;
    this.detail = detail;
  }
}

export const bad = (message: string, detail?: Detail) => new GraphError(400, 'Request_BadRequest', message, detail);

export const missing = (id: string) =>
  new GraphError(
    404,
    'Request_ResourceNotFound',
    `Resource '${id}' does not exist or one of its queried reference-property objects are not present.`,
  );

export function apiErrors(error: unknown, _request: Request, response: Response, next: NextFunction): void {
  if (response.headersSent || !(error instanceof GraphError)) return next(error);
  const { status, code, message, detail } = error;
  const details = detail === undefined ? {} : { details: [{ ...detail, message }] };
  response.status(status).json({ error: { code, message, ...details, innerError: { 'request-id': randomUUID() } } });
}
