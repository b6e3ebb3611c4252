import { randomUUID } from 'node:crypto';
import { problems, type ProblemCode } from '../../foundation/wire.ts';
import type { Json, VaultReply } from './contract.ts';

/** What clients read of a success: `data`, or `auth` of a login. Nothing of it is a lease that could be renewed. */
export function envelope({
  data = null,
  auth = null,
}: {
  readonly data?: Json | null;
  readonly auth?: Json | null;
}): Json {
  return {
    request_id: randomUUID(),
    lease_id: '',
    renewable: false,
    // above 0 clients would show it as the time after which the secret changes
    lease_duration: 0,
    data,
    wrap_info: null,
    warnings: null,
    auth,
  };
}

export function dataReply(data: Json): VaultReply {
  return { status: 200, body: envelope({ data }) };
}

/** A request that is refused before the broker is asked: in Vault's own words, whatever it names. */
export class VaultRefusal extends Error {
  override readonly name = 'VaultRefusal';
  /** for the trail */
  readonly code: ProblemCode;
  readonly status: number;
  readonly errors: readonly string[];

  constructor(code: ProblemCode, errors: readonly string[], status = problems[code].status) {
    super(code);
    this.code = code;
    this.status = status;
    this.errors = errors;
  }
}

/** What nobody may do here, whoever asks. */
export function unsupported(): VaultRefusal {
  return new VaultRefusal('method-not-allowed', [listed('unsupported operation')]);
}

/** Where there is nothing, whoever asks. */
export function nothingThere(): VaultRefusal {
  return new VaultRefusal('not-found', []);
}

/** @param text fixed: nothing of the request */
export function malformed(text: string): VaultRefusal {
  return new VaultRefusal('invalid-request', [text]);
}

/** What else is given than secrets is for the one who asks. */
export function onlyOfKv(): VaultRefusal {
  return malformed('only what KV gives is wrapped here');
}

/** A problem as Vault writes it: its clients know 403 for whatever a token may not, and look at nothing but `errors`. */
export function errorReply(
  code: ProblemCode,
  approval?: { readonly id: string; readonly url?: string | undefined },
): VaultReply {
  const { status, detail } = problems[code];
  const text = ownTexts[code] ?? detail;
  const where = approval === undefined ? '' : ` ${approval.url ?? approval.id}`;
  return { status: status === 401 ? 403 : status, body: { errors: [`${text}${where}`] } };
}

/** By these clients know a token that nobody has from one that may not. */
const ownTexts: Readonly<Partial<Record<ProblemCode, string>>> = {
  'not-authenticated': 'permission denied',
  'run-ended': 'permission denied',
  'not-allowed': listed('permission denied'),
  'approval-required': 'permission denied: a person must approve this first, then ask again:',
};

function listed(text: string): string {
  return `1 error occurred:\n\t* ${text}\n\n`;
}
