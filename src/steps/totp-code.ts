import { FlowError } from '../foundation/errors.ts';
import { form, optional, required } from '../language/forms.ts';
import type { InputOf } from '../language/forms.ts';
import { pureStep, type StepContext } from './contract.ts';
import { waitUntil } from './procedures/wait-until.ts';
import { codeAt, millisecondsLeft, type OneTimePassword, readOneTimePassword } from '../foundation/totp.ts';

/** Seconds; servers accept a code of the step before or after, so less than this never matters. */
const tolerableSkew = 5;
/** Seconds that a code stays valid, where nothing is said and it lives for three times as long. */
const usualLife = 10;

const keys = {
  reference: required(form.reference('one-time-password'), 'the one-time password field', {
    example: 'op://Accounts/Break Glass/one-time password',
  }),
  'at-least': optional(
    form.number({ integer: true, minimum: 0 }),
    "seconds that the code must stay valid; waits for the next one where fewer are left; without it a third of the code's life, at most 10; on a terminal, which shows the next one, it is not waited for",
  ),
};

export const totpCode = pureStep({
  name: 'totp/code',
  summary: 'The one-time code of the moment, from a stored one-time password (RFC 6238).',
  effect: 'none',
  reads: 'vault',
  with: keys,
  output: {
    code: { type: 'secret', description: 'the code' },
    'valid-for': { type: 'number', description: 'whole seconds that it stays valid' },
  },
  scalar: 'code',
  presents: 'one-time-code',
  async run(input, context) {
    const { password, atLeast } = await opened(input, context);
    const left = millisecondsLeft(password, context.now());
    if (left < atLeast * 1000)
      await waitUntil(context, context.now() + left, `waiting for a one-time code that lasts ${atLeast} s`);
    return codeOf(password, context.now());
  },
  async follow(input, context) {
    const { password } = await opened(input, context);
    return async (at) => codeOf(password, at);
  },
});

/** @throws FlowError invalid-value, where no code can be as is asked for */
async function opened(input: InputOf<typeof keys>, context: StepContext) {
  void warnOfSkew(context);
  const password = await readOneTimePassword(input.reference, (reference) => context.read(reference));
  const atLeast = input['at-least'] ?? Math.min(usualLife, Math.floor(password.period / 3));
  if (atLeast < password.period) return { password, atLeast };
  throw new FlowError(
    'invalid-value',
    `at-least asks for ${atLeast} s, and a code of this field lives ${password.period} s`,
    { hint: `ask for fewer than ${password.period} s`, place: { subject: input.reference.toString() } },
  );
}

async function codeOf(password: OneTimePassword, at: number) {
  return { code: await codeAt(password, at), validFor: Math.floor(millisecondsLeft(password, at) / 1000) };
}

/** Runs beside the read: a slow issuer does not hold a code up. */
async function warnOfSkew(context: StepContext): Promise<void> {
  const skew = await context.clockSkew().catch(() => undefined);
  if (skew === undefined || Math.abs(skew) <= tolerableSkew) return;
  context.warn(
    `the local clock is ${Math.round(Math.abs(skew))} s ${skew > 0 ? 'ahead of' : 'behind'} the issuer's: codes may be refused`,
  );
}
