import { randomUUID } from 'node:crypto';
import type { NextFunction, Request, Response } from 'express';

/** An answer of the API that is none of success. */
export class OrgError extends Error {
  readonly status: number;
  readonly code: string;
  readonly causes: readonly string[];
  /** epoch seconds from which requests are taken again */
  readonly reset: number | undefined;

  constructor(status: number, code: string, summary: string, causes: readonly string[] = [], reset?: number) {
    super(summary);
    this.status = status;
    this.code = code;
    this.causes = causes;
    this.reset = reset;
  }
}

/** @param about what is validated. @param causes each `login: what is wrong with it` */
export const invalid = (about: string, ...causes: readonly string[]) =>
  new OrgError(400, 'E0000001', `Api validation failed: ${about}`, causes);

export const missing = (id: string, kind: string) =>
  new OrgError(404, 'E0000007', `Not found: Resource not found: ${id} (${kind})`);

export function apiErrors(error: unknown, _request: Request, response: Response, next: NextFunction): void {
  if (response.headersSent || !(error instanceof OrgError)) return next(error);
  const { status, code, message, causes, reset } = error;
  if (reset !== undefined) response.set({ 'X-Rate-Limit-Remaining': '0', 'X-Rate-Limit-Reset': String(reset) });
  response.status(status).json({
    errorCode: code,
    errorSummary: message,
    errorLink: code,
    errorId: `oae${randomUUID().replaceAll('-', '').slice(0, 17)}`,
    errorCauses: causes.map((errorSummary) => ({ errorSummary })),
  });
}
