import { type HookRules, nameForm } from '../foundation/wire.ts';
import { BrokerError } from './broker-error.ts';

/**
 * An access token, in plain text: keep it no longer than it lasts, and out of logs.
 * @example
 * const { accessToken, expiresAt }: Token = await client.token('orders-token');
 */
export interface Token {
  readonly accessToken: string;
  /** `Bearer` */
  readonly tokenType: string;
  /** epoch seconds; undefined where the issuer did not say */
  readonly expiresAt: number | undefined;
  /** granted scope, space separated */
  readonly scope: string | undefined;
  /** the audience and the resources that the flow asked for */
  readonly audience: readonly string[];
}

/**
 * A secret and its lease, in plain text: ask again after `expiresAt` instead of keeping it.
 * @example
 * const { 'openai.api_key': key } = await client.secrets(['openai.api_key']);
 * const leased: LeasedSecret = key;
 * console.log(`forget it at ${leased.expiresAt.toISOString()}`);
 */
export interface LeasedSecret {
  readonly value: string;
  readonly expiresAt: Date;
}

/**
 * A flow's output as `flows NAME --json` prints it, and what each part of it is: `secret`, `plain`, …
 * @example
 * const { output, as }: FlowAnswer = await client.run('break-glass');
 * console.log(as); // { username: 'plain', password: 'secret', 'one-time-code': 'one-time-code', … }
 */
export interface FlowAnswer {
  readonly output: unknown;
  readonly as: string | Readonly<Record<string, string>>;
  /** parts of the output that a program is to get as the path of a file; undefined: none */
  readonly files?: readonly string[] | undefined;
}

/**
 * What a broker knows of texts that an agent has.
 * @example
 * const { found }: Inspection = await client.inspect(['curl -H "X-Api-Key: …" https://api.openai.example']);
 * const names = found.map(({ name }) => name); // ['openai.api_key']
 */
export interface Inspection {
  /** values that the agent was given, by which text they are in, and from which byte to which of its UTF-8 */
  readonly found: readonly {
    readonly text: number;
    readonly name: string;
    readonly kind: 'secret' | 'flow';
    readonly from: number;
    readonly to: number;
  }[];
  /** `hook:` of policy.yaml */
  readonly rules: HookRules;
  /** flows that it may run programs with: `flows exec NAME` */
  readonly environments: readonly string[];
}

/** A token and the seconds that it has left, as the broker counts them. */
export interface GrantedToken {
  readonly token: Token;
  readonly expiresIn: number | undefined;
}

/** @throws BrokerError protocol, without what stands there */
export function tokenIn(answer: unknown): GrantedToken {
  const { access_token, token_type, expires_in, expires_at, scope, audience = [] } = recordOf(answer);
  // it becomes a header: nothing but visible characters
  if (typeof access_token !== 'string' || !/^[\x21-\x7e]+$/.test(access_token)) throw malformed();
  if (typeof token_type !== 'string' || !/^[!-~]+$/.test(token_type)) throw malformed();
  return {
    token: {
      accessToken: access_token,
      tokenType: token_type,
      expiresAt: optionalNumber(expires_at),
      scope: scope === undefined ? undefined : textOf(scope),
      audience: textsOf(audience),
    },
    expiresIn: optionalNumber(expires_in),
  };
}

/** An agent run as the broker tells of it. */
export interface GrantedRun {
  readonly id: string;
  readonly root: string;
  readonly parent: string | undefined;
  readonly token: string;
  readonly expiresAt: Date;
}

/** @throws BrokerError protocol */
export function runIn(answer: unknown): GrantedRun {
  const { run, root, parent, token, expires_at } = recordOf(answer);
  const ends = optionalNumber(expires_at);
  if (ends === undefined) throw malformed();
  const above = parent === undefined ? undefined : textOf(parent);
  return {
    id: nameIn(run),
    root: textOf(root),
    parent: above,
    token: textOf(token),
    expiresAt: new Date(ends * 1_000),
  };
}

/** All of the names that were asked for. @throws BrokerError protocol */
export function secretsIn(answer: unknown, names: readonly string[]): ReadonlyMap<string, LeasedSecret> {
  const resolved = recordOf(recordOf(answer)['resolved']);
  return new Map(
    names.map((name) => {
      const { value, expiresAt } = recordOf(Object.hasOwn(resolved, name) ? resolved[name] : undefined);
      const end = new Date(textOf(expiresAt));
      if (Number.isNaN(end.getTime())) throw malformed();
      return [name, { value: textOf(value), expiresAt: end }];
    }),
  );
}

/** @throws BrokerError protocol */
export function flowAnswerIn(answer: unknown): FlowAnswer {
  const { output, as, files: named } = recordOf(answer);
  if (output === undefined) throw malformed();
  const files = named === undefined ? undefined : textsOf(named);
  if (typeof as === 'string') return { output, as, files };
  return {
    output,
    files,
    as: Object.fromEntries(Object.entries(recordOf(as)).map(([name, kind]) => [name, textOf(kind)])),
  };
}

/** @throws BrokerError protocol */
export function inspectionIn(answer: unknown): Inspection {
  const { found, rules, environments } = recordOf(answer);
  const { files, commands, allow } = recordOf(rules);
  return {
    found: listOf(found).map((each) => {
      const { text, name, kind, from, to } = recordOf(each);
      return {
        text: numberOf(text),
        name: textOf(name),
        kind: kind === 'flow' ? kind : 'secret',
        from: numberOf(from),
        to: numberOf(to),
      };
    }),
    rules: { files: textsOf(files), commands: textsOf(commands), allow: textsOf(allow) },
    environments: textsOf(environments),
  };
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw malformed();
}

function textsOf(value: unknown): readonly string[] {
  return listOf(value).map(textOf);
}

function numberOf(value: unknown): number {
  const number = optionalNumber(value);
  if (number === undefined) throw malformed();
  return number;
}

/** @throws BrokerError protocol */
export function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed();
  return value as Readonly<Record<string, unknown>>;
}

/** It becomes a part of a path. */
function nameIn(value: unknown): string {
  if (typeof value === 'string' && nameForm.test(value)) return value;
  throw malformed();
}

function textOf(value: unknown): string {
  if (typeof value !== 'string') throw malformed();
  return value;
}

function optionalNumber(value: unknown): number | undefined {
  if (value === undefined || (typeof value === 'number' && Number.isFinite(value))) return value;
  throw malformed();
}

function malformed(): BrokerError {
  return new BrokerError('protocol', { detail: 'the answer is not as a broker gives it' });
}
