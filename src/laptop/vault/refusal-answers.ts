/** An answer that ends the request with this status; the text never holds a value. */
export class Answer extends Error {
  readonly status: number;
  readonly retryAfter: number | undefined;

  constructor(status: number, message: string, retryAfter?: number) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

export const answers = {
  badRequest: () => new Answer(400, 'bad request'),
  notAuthenticated: () => new Answer(401, 'authentication required'),
  forbidden: () => new Answer(403, 'no permission'),
  notFound: () => new Answer(404, 'not found'),
  stale: () => new Answer(409, 'the content version is not the current one'),
  tooLarge: () => new Answer(413, 'too large'),
  tooMany: (seconds: number) => new Answer(429, 'too many requests', seconds),
} as const;
