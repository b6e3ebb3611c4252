import type { Token } from '../adapters/issuers/contract.ts';
import type { Reference } from '../foundation/reference.ts';
import type { Secret } from '../foundation/secret.ts';

/**
 * One value of a flow's answer, with what it takes to show it well.
 * @example
 * function textOf(shown: Shown): string {
 *   if (shown.as === 'token') return shown.token.accessToken.reveal();
 *   if (shown.as === 'one-time-code') return shown.code.reveal();
 *   return shown.as === 'secret' ? shown.value.reveal() : String(shown.value);
 * }
 */
export type Shown =
  | { readonly as: 'plain'; readonly value: unknown }
  | { readonly as: 'reference'; readonly value: Reference }
  | { readonly as: 'secret'; readonly value: Secret }
  | { readonly as: 'token'; readonly token: Token }
  | {
      readonly as: 'one-time-code';
      readonly code: Secret;
      /** seconds */
      readonly validFor: number;
      /** epoch milliseconds */
      readonly validUntil: number;
      /** the code of another moment (epoch milliseconds), which asks nobody; only where somebody looks on */
      readonly at?: (moment: number) => Promise<Shown>;
    };

/**
 * A flow's answer.
 * @example
 * const output: Output = await flows.run('break-glass');
 * if (output.kind === 'mapping') for (const [name, shown] of output.entries) console.log(name, shown.as);
 */
export type Output =
  | { readonly kind: 'none' }
  | { readonly kind: 'scalar'; readonly value: Shown }
  | { readonly kind: 'mapping'; readonly entries: readonly (readonly [string, Shown])[] };

/** The values of an answer, without their names. */
export function shownIn(output: Output): readonly Shown[] {
  if (output.kind === 'none') return [];
  return output.kind === 'scalar' ? [output.value] : output.entries.map(([, shown]) => shown);
}
