import { codeOf, type ErrorCode, FlowError } from '../../foundation/errors.ts';

/** What a database says by its five characters (PostgreSQL, appendix A), where it says nothing of the statement. */
const states: readonly (readonly [RegExp, ErrorCode, string, string])[] = [
  [/^28/, 'denied', 'refuses the user or the password', 'see runs: { database: … } in service.yaml'],
  [/^3D000$/, 'not-found', 'does not exist', 'create it, or see runs: { database: … } in service.yaml'],
  [
    /^42501$/,
    'denied',
    'does not let this user do that',
    'its user must own the schema, or have CREATE and USAGE on it',
  ],
  [/^25006$/, 'unavailable', 'is read-only', 'is it a standby, or is its disk full? give the address of the primary'],
  [/^53100$/, 'unavailable', 'has no space left', 'make room on its disk'],
  [/^53300$/, 'unavailable', 'has no connection left', 'raise max_connections: a broker takes ten'],
  [/^(?:08|57P0|53|58)/, 'unavailable', 'does not answer', 'is it running, and reachable from here?'],
  [/^(?:57014|55P03)$/, 'timeout', 'did not answer in time', 'try again later'],
];

/** The five characters of an error of PostgreSQL; undefined for any other. */
export function sqlState(error: unknown): string | undefined {
  const code = codeOf(error) ?? '';
  return /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** What keeps a database from being used, as ours; what is wrong with a statement stays as it is. */
export function translated(error: unknown, place: string): unknown {
  if (error instanceof FlowError) return error;
  const state = sqlState(error);
  if (state === undefined) return isLost(error) ? unusable(error, place, 'unavailable', ...lost) : error;
  const found = states.find(([form]) => form.test(state));
  if (found === undefined) return error;
  const [, code, what, hint] = found;
  return unusable(error, place, code, what, hint);
}

const lost = ['does not answer', 'is it running, and reachable from here?'] as const;

/** A socket, a name or a certificate that failed; node-postgres tells the end of a connection by words alone. */
function isLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (/^E[A-Z]+$|^(?:ERR_(?:TLS|SSL)|CERT_|DEPTH_|SELF_|UNABLE_)/.test(codeOf(error) ?? '')) return true;
  return /^(?:Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Cannot use a pool after)/.test(
    error.message,
  );
}

function unusable(cause: unknown, place: string, code: ErrorCode, what: string, hint: string): FlowError {
  return new FlowError(code, `the runs' database ${place} ${what}`, { cause, hint });
}
