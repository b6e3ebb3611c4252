import { FlowError } from '../foundation/errors.ts';
import { form, optional, required } from '../language/forms.ts';
import { pureStep, type StepContext } from './contract.ts';
import { waitUntil } from './procedures/wait-until.ts';
import { codeAt, millisecondsLeft, readOneTimePassword } from '../foundation/totp.ts';

/** Seconds; servers accept a code of the step before or after, so less than this never matters. */
const tolerableSkew = 5;
/** Seconds that a code stays valid, where nothing is said and it lives for three times as long. */
const usualLife = 10;

export const totpCode = pureStep({
  name: 'totp/code',
  summary: 'The one-time code of the moment, from a stored one-time password (RFC 6238).',
  effect: 'none',
  reads: 'vault',
  with: {
    reference: required(form.reference('one-time-password'), 'the one-time password field', {
      example: 'op://Accounts/Break Glass/one-time password',
    }),
    'at-least': optional(
      form.number({ integer: true, minimum: 0 }),
      "seconds that the code must stay valid; waits for the next one where fewer are left; without it a third of the code's life, at most 10",
    ),
  },
  output: {
    code: { type: 'secret', description: 'the code' },
    'valid-for': { type: 'number', description: 'whole seconds that it stays valid' },
  },
  scalar: 'code',
  presents: 'one-time-code',
  async run(input, context) {
    void warnOfSkew(context);
    const password = await readOneTimePassword(input.reference, (reference) => context.read(reference));
    const wanted = input['at-least'] ?? Math.min(usualLife, Math.floor(password.period / 3));
    const atLeast = wanted * 1000;
    if (wanted >= password.period) {
      throw new FlowError(
        'invalid-value',
        `at-least asks for ${wanted} s, and a code of this field lives ${password.period} s`,
        { hint: `ask for fewer than ${password.period} s`, place: { subject: input.reference.toString() } },
      );
    }
    const left = millisecondsLeft(password, context.now());
    if (left < atLeast) {
      context.progress(`waiting ${Math.ceil(left / 1000)} s for a one-time code that lasts ${wanted} s`);
      await waitUntil(context, context.now() + left);
    }
    const at = context.now();
    return { code: await codeAt(password, at), validFor: Math.floor(millisecondsLeft(password, at) / 1000) };
  },
});

/** Runs beside the read: a slow issuer does not hold a code up. */
async function warnOfSkew(context: StepContext): Promise<void> {
  const skew = await context.clockSkew().catch(() => undefined);
  if (skew === undefined || Math.abs(skew) <= tolerableSkew) return;
  context.warn(
    `the local clock is ${Math.round(Math.abs(skew))} s ${skew > 0 ? 'ahead of' : 'behind'} the issuer's: codes may be refused`,
  );
}
