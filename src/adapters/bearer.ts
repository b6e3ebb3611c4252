import type { TakenEnvironment } from '../foundation/environment-variables.ts';
import { madeOnce } from '../foundation/made-once.ts';
import { Reference } from '../foundation/reference.ts';
import type { Secret } from '../foundation/secret.ts';
import { form, type InputOf, type Keys, optional } from '../language/forms.ts';
import type { KeyProblem, Services } from './declaration.ts';
import { readToken } from './read-token.ts';

/** What an adapter needs to have a bearer token. */
export interface BearerServices {
  /**
   * Gives the bearer that its `token-flow` makes; told which one was refused, it lets go of that.
   * undefined where it has no such flow
   */
  readonly token: ((refused?: Secret) => Promise<Secret>) | undefined;
  /** a reference of the environment's vaults */
  readonly read: (reference: Reference) => Promise<Secret>;
  /** gives the tokens of environment variables */
  readonly taken: TakenEnvironment;
}

/** The keys that say where the bearer token of an API is, for adapters whose API takes one. */
export const bearerKeys = {
  'token-flow': optional(form.text({ names: 'flows' }), 'name of a flow whose output is the bearer token'),
  token: optional(
    form.union(form.reference(), form.tokenSource()),
    'the bearer token, where it is one that does not end: a reference, or where it is',
    { example: 'op://Agents/SCIM/credential' },
  ),
} satisfies Keys;

/** What is wrong where there is no token, or two. */
export function bearerProblems(given: ReadonlySet<string>, what = 'provider'): readonly KeyProblem[] {
  const hint =
    'write token-flow: FLOW, or token: a reference, { file: PATH }, { env: NAME } or { command: [PROGRAM, …] }';
  if (!given.has('token-flow') && !given.has('token')) return [{ key: '', problem: `this ${what} has no token`, hint }];
  return given.has('token-flow') && given.has('token')
    ? [{ key: 'token', problem: 'stands beside token-flow', hint: 'keep one of them' }]
    : [];
}

/**
 * The token as those keys say; one that stands somewhere is read once, and again where it was refused.
 * @param ofLaptop on the laptop, where no flow gives one: the stack's
 */
export function bearerOf(
  { token }: Pick<InputOf<typeof bearerKeys>, 'token'>,
  { name, read, taken, token: ofFlow }: BearerServices & Pick<Services, 'name'>,
  ofLaptop?: Secret,
): (refused?: Secret) => Promise<Secret> {
  if (ofFlow !== undefined) return ofFlow;
  if (ofLaptop !== undefined) return () => Promise.resolve(ofLaptop);
  const kept = madeOnce(async () => {
    if (token === undefined) throw new TypeError('no token: the check at load lets none through');
    return token instanceof Reference ? read(token) : readToken(token, taken, `the token of "${name}"`);
  });
  return (refused) => {
    // what is kept under it may have been replaced
    if (refused !== undefined) kept.forget();
    return kept.get();
  };
}
