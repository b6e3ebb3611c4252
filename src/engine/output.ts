import type { Reference } from '../foundation/reference.ts';
import type { Secret } from '../foundation/secret.ts';

/** One value of a flow's answer, with what it takes to show it well. */
export type Shown =
  | { readonly as: 'plain'; readonly value: unknown }
  | { readonly as: 'reference'; readonly value: Reference }
  | { readonly as: 'secret'; readonly value: Secret }
  | {
      readonly as: 'token';
      readonly token: {
        readonly 'access-token': Secret;
        readonly 'token-type': string;
        /** epoch seconds */
        readonly 'expires-at': number | undefined;
        readonly scope: string | undefined;
      };
    }
  | {
      readonly as: 'one-time-code';
      readonly code: Secret;
      /** seconds */
      readonly validFor: number;
      /** epoch milliseconds */
      readonly validUntil: number;
    };

/** A flow's answer. */
export type Output =
  | { readonly kind: 'none' }
  | { readonly kind: 'scalar'; readonly value: Shown }
  | { readonly kind: 'mapping'; readonly entries: readonly (readonly [string, Shown])[] };
