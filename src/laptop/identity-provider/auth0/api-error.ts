import type { NextFunction, Request, Response } from 'express';

const names: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  404: 'Not Found',
  409: 'Conflict',
  429: 'Too Many Requests',
};

/** An answer of the Management API that is none of success. */
export class TenantError extends Error {
  readonly status: number;
  readonly code: string | undefined;
  /** epoch seconds from which requests are taken again */
  readonly reset: number | undefined;

  constructor(status: number, message: string, { code, reset }: { code?: string; reset?: number } = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.reset = reset;
  }
}

export const missing = (code: string, message: string) => new TenantError(404, message, { code });

export function apiErrors(error: unknown, _request: Request, response: Response, next: NextFunction): void {
  if (response.headersSent || !(error instanceof TenantError)) return next(error);
  const { status, message, code, reset } = error;
  if (reset !== undefined) response.set({ 'X-RateLimit-Remaining': '0', 'X-RateLimit-Reset': String(reset) });
  response.status(status).json({ statusCode: status, error: names[status], message, errorCode: code });
}
