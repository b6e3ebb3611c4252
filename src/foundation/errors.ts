import { safeLine } from './safe-line.ts';

/**
 * Every failure that this product knows, in one table: what it means, the exit code of the command, the status of an
 * HTTP answer, and whether trying again can help. Nobody branches on a message; everybody may branch on a code.
 */
interface CodeFacts {
  /** exit code of the command */
  readonly exit: number;
  /** status of an HTTP answer */
  readonly status: number;
  /** whether the same call may succeed later with nothing changed by the user */
  readonly retryable: boolean;
  readonly meaning: string;
}

const table = {
  internal: { exit: 1, status: 500, retryable: false, meaning: 'a fault of this program; please report it' },
  usage: {
    exit: 2,
    status: 400,
    retryable: false,
    meaning: 'unknown command, flow, option or value; nothing was contacted',
  },
  invalid: {
    exit: 2,
    status: 422,
    retryable: false,
    meaning: 'a file is wrong: each error is told with file:line:column; nothing was contacted',
  },
  refused: {
    exit: 2,
    status: 403,
    retryable: false,
    meaning: 'not done for safety: an unsafe address, another environment, a write without a yes',
  },
  aborted: {
    exit: 4,
    status: 409,
    retryable: false,
    meaning: 'answered with no, or the plan changed after the yes; nothing more was done',
  },
  ambiguous: {
    exit: 65,
    status: 409,
    retryable: false,
    meaning: 'a name fits more than one vault, item or field; use the id that is told',
  },
  'not-found': {
    exit: 66,
    status: 404,
    retryable: false,
    meaning: 'a vault, item, field, user or secret does not exist',
  },
  'invalid-value': {
    exit: 67,
    status: 422,
    retryable: false,
    meaning: 'a stored value is not what it should be: no one-time password, empty, too long',
  },
  unavailable: {
    exit: 69,
    status: 503,
    retryable: true,
    meaning: 'a service, or the development stack, does not answer',
  },
  'outcome-unknown': {
    exit: 71,
    status: 502,
    retryable: false,
    meaning: 'a service was asked to change something, and may have done it or not; look before it is asked again',
  },
  conflict: { exit: 73, status: 409, retryable: false, meaning: 'someone else made or changed it; left as it is' },
  timeout: { exit: 74, status: 504, retryable: true, meaning: 'a service did not answer within its deadline' },
  'rate-limited': { exit: 75, status: 429, retryable: true, meaning: 'a quota is used up; try again when it resets' },
  protocol: {
    exit: 76,
    status: 502,
    retryable: false,
    meaning: 'a service gave an answer that is not valid: wrong issuer, audience, signature, scope or form',
  },
  denied: {
    exit: 77,
    status: 403,
    retryable: false,
    meaning: 'a service refused the credentials, or what they may do',
  },
} as const satisfies Record<string, CodeFacts>;

/**
 * Why it went wrong: the stable code of a {@link FlowError}.
 * @example
 * const quiet: ReadonlySet<ErrorCode> = new Set(['aborted', 'rate-limited']);
 */
export type ErrorCode = keyof typeof table;
/**
 * Every code of a {@link FlowError}.
 * @example
 * const { retryable, meaning } = errorCodes['rate-limited'];
 * console.log(retryable, meaning); // true a quota is used up; try again when it resets
 */
export const errorCodes: Readonly<Record<ErrorCode, CodeFacts>> = table;

/** Exit codes of the command that are no failures. */
export const endings = {
  done: { exit: 0, meaning: 'done' },
  'would-change': {
    exit: 3,
    meaning: 'with `--plan --detailed-exitcode`: something would change; `flows migrate vault`: something is left',
  },
  'cases-differ': {
    exit: 4,
    meaning:
      '`flows policy test`: a case is not as expected; `flows dev --once`: a flow does not hold; `flows drill`, `flows check`: break-glass is not proven, or a use of it not closed',
  },
  interrupted: { exit: 130, meaning: 'ended by Ctrl-C or a signal' },
} as const;

/** Where it went wrong; whoever knows a part adds it with {@link FlowError.at}. */
export interface Place {
  /** `file:line:column` */
  readonly location?: string;
  readonly flow?: string;
  readonly step?: string;
  /** an `op://` reference, a secret's name, a user: never a value */
  readonly subject?: string;
}

export interface FlowErrorOptions {
  /** what the user can do, lower-case, without full stop */
  readonly hint?: string | undefined;
  readonly place?: Place | undefined;
  readonly cause?: unknown;
  /** for `rate-limited` and `unavailable`: seconds that the service asked us to wait */
  readonly retryAfter?: number | undefined;
  /** of a vault: it is about one of its vaults or items; else about the service or its token, and concerns every call */
  readonly about?: 'subject' | undefined;
}

/**
 * The one error of this product. Its message and hint never hold a value.
 * @example
 * try {
 *   await flows.token('orders-token');
 * } catch (error) {
 *   if (!(error instanceof FlowError)) throw error;
 *   console.error(error.line()); // flow "orders-token", step "token": …, on one line, with what to do
 *   if (errorCodes[error.code].retryable) console.error(`again in ${error.retryAfter ?? 1} s`);
 * }
 */
export class FlowError extends Error {
  override readonly name = 'FlowError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly place: Place;
  readonly retryAfter: number | undefined;
  readonly about: 'subject' | undefined;

  /** @param message lower-case, without full stop, without the place */
  constructor(code: ErrorCode, message: string, options: FlowErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.place = options.place ?? {};
    this.retryAfter = options.retryAfter;
    this.about = options.about;
  }

  /** The same error, but for what is given. */
  with(changes: FlowErrorOptions): FlowError {
    const { hint, place, cause, retryAfter, about } = this;
    return new FlowError(this.code, this.message, { hint, place, cause, retryAfter, about, ...changes });
  }

  /** The same error with more of its place; what is already known stays. */
  at(place: Place): FlowError {
    return this.with({ place: { ...place, ...this.place } });
  }

  /** One line: where, what, and what to do. */
  line(): string {
    const { location, flow, step, subject } = this.place;
    const where = [
      location,
      flow === undefined ? undefined : `flow "${flow}"`,
      step === undefined ? undefined : `step "${step}"`,
      subject,
    ].filter((part) => part !== undefined);
    const what = `${where.length === 0 ? '' : `${where.join(', ')}: `}${this.message}`;
    const wait = this.retryAfter === undefined ? undefined : `it asks to wait ${this.retryAfter} s`;
    const remedy = [this.hint, wait].filter((part) => part !== undefined).join('; ');
    // however long the message, what to do is never cut off
    return remedy === '' ? oneLine(what) : `${oneLine(what)} (${oneLine(remedy, longestRemedy)})`;
  }
}

/** The code of an error: the system's (`ENOENT`), a library's, or ours; undefined where it has none. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Where an error was made: the lines of its stack without its text, which may hold anything. */
export function framesOf({ stack = '' }: Error): readonly string[] {
  return stack.split('\n').filter((line) => /^\s+at /.test(line));
}

type Trouble = readonly [what: string, hint: string];
const closed: Trouble = ['no permission', 'see its owner and its mode, and as which user this runs'];
const full: Trouble = ['no space is left on its disk', 'make room there'];
/** What the system may say of a path, where it is no fault of this program, and what to do. */
const troubles: ReadonlyMap<string | undefined, Trouble> = new Map<string | undefined, Trouble>([
  ['EACCES', closed],
  ['EPERM', closed],
  ['ENOSPC', full],
  ['EDQUOT', full],
  ['EROFS', ['its file system is read-only', 'name a place that can be written to']],
  ['EIO', ['its disk fails', 'see what the system says of it: dmesg']],
  ['ENOTDIR', ['a part of it is no folder', 'name another path']],
  ['ELOOP', ['its links lead in a circle', 'name another path']],
  ['ENAMETOOLONG', ['it is too long', 'name another path']],
]);

/** Anything thrown as a FlowError: unknown errors become `internal` with a fixed text; their detail stays in `cause`. */
export function asFlowError(error: unknown): FlowError {
  if (error instanceof FlowError) return error;
  const code = codeOf(error);
  if (code === 'EMFILE' || code === 'ENFILE') {
    const hint = 'try again later; raise the limit of open files (LimitNOFILE=, ulimit -n)';
    return new FlowError('unavailable', 'too many files are open', { cause: error, hint });
  }
  const syscall = error instanceof Error && 'syscall' in error ? error.syscall : undefined;
  // what Node says wherever a path is relative and the folder that it is relative to was deleted
  if (syscall === 'uv_cwd') {
    const hint = 'change into a folder that is there: cd';
    return new FlowError('usage', 'the folder that this runs in is not there any more', { cause: error, hint });
  }
  // and where neither the environment nor the system knows one, as of a user who is a number alone
  if (syscall === 'uv_os_homedir') {
    const hint = 'set HOME, or XDG_STATE_HOME';
    return new FlowError('usage', 'there is no home folder for the state of this user', { cause: error, hint });
  }
  const trouble = troubles.get(code);
  if (trouble !== undefined && error instanceof Error && 'path' in error) {
    const [what, hint] = trouble;
    return new FlowError('unavailable', `${JSON.stringify(error.path)} cannot be used: ${what}`, {
      cause: error,
      hint,
    });
  }
  return new FlowError('internal', 'an unexpected fault', {
    cause: error,
    hint: 'run again with --debug for the stack, which holds no values, and report it',
  });
}

const longestRemedy = 2_000;
/** Characters: a whole {@link FlowError.line} with words before it is shorter, so that whoever shows it cuts nothing. */
export const longestLine = 4_000;

/** Text from outside on one safe line. @param most characters, default 500 */
export function oneLine(text: string, most = 500): string {
  const clean = safeLine(text);
  return clean.length > most ? `${clean.slice(0, most - 1)}…` : clean;
}

/** The first five of many, and how many more there are: a line that names them all says less. */
export function someOf(names: readonly string[]): string {
  const more = names.length - 5;
  return more <= 0 ? names.join(', ') : `${names.slice(0, 5).join(', ')} and ${more} more`;
}
