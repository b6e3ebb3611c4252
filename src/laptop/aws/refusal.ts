/** An answer of the service that is not a success: AWS's error type, message and HTTP status. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly type: string;
  readonly status: number;

  constructor(type: string, message: string, status = 400) {
    super(message);
    this.type = type;
    this.status = status;
  }
}
