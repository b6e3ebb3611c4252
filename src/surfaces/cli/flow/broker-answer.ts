import { type FlowAnswer, recordOf, tokenIn } from '../../../client/answers.ts';
import { BrokerError } from '../../../client/broker-error.ts';
import type { Output, Shown } from '../../../engine/output.ts';
import { Reference } from '../../../foundation/reference.ts';
import { Secret } from '../../../foundation/secret.ts';

/** The answer as one of a flow that ran here. @throws BrokerError protocol */
export function outputOf({ output, as }: FlowAnswer): Output {
  if (as === 'none') return { kind: 'none' };
  if (typeof as === 'string') return { kind: 'scalar', value: shown(output, as) };
  const entries = recordOf(output);
  return { kind: 'mapping', entries: Object.entries(as).map(([name, kind]) => [name, shown(entries[name], kind)]) };
}

/** What is of a kind that a later broker has is hidden like a secret. */
function shown(value: unknown, as: string): Shown {
  const kind = kinds.get(as);
  if (kind !== undefined) return kind(value);
  return { as: 'secret', value: new Secret(typeof value === 'string' ? value : JSON.stringify(value)) };
}

const kinds: ReadonlyMap<string, (value: unknown) => Shown> = new Map<string, (value: unknown) => Shown>([
  ['plain', (value) => ({ as: 'plain', value })],
  ['secret', (value) => ({ as: 'secret', value: new Secret(text(value)) })],
  [
    'reference',
    (value) => {
      const reference = Reference.parse(text(value));
      return reference instanceof Reference ? { as: 'reference', value: reference } : { as: 'plain', value };
    },
  ],
  [
    'token',
    (value) => {
      const { token } = tokenIn(value);
      return { as: 'token', token: { ...token, accessToken: new Secret(token.accessToken), jti: undefined } };
    },
  ],
  [
    'one-time-code',
    (value) => {
      const { code, valid_for: validFor } = recordOf(value);
      if (typeof validFor !== 'number') throw malformed();
      const validUntil = Date.now() + validFor * 1_000;
      return { as: 'one-time-code', code: new Secret(text(code)), validFor, validUntil };
    },
  ],
]);

function text(value: unknown): string {
  if (typeof value === 'string') return value;
  throw malformed();
}

function malformed(): BrokerError {
  return new BrokerError('protocol', { detail: 'the answer is not as a broker gives it' });
}
