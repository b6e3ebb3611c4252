import { durationText } from '../../foundation/duration.ts';
import { errorCodes, FlowError } from '../../foundation/errors.ts';
import type { InputOf } from '../../language/forms.ts';
import { named, rotatedField } from '../../adapters/vaults/rotated-field.ts';
import type { StepContext } from '../contract.ts';
import { planToStage, type stageKeys } from './stage-next.ts';
import { waitUntil } from './wait-until.ts';

/** Each look is a request of the vault's quota: so many at most, however long it waits. */
const mostLooks = 120;
/** milliseconds between two looks, at least */
const shortestPace = 10_000;

type Staged = NonNullable<Awaited<ReturnType<typeof planToStage>>['output']>;

/**
 * Looks into the vault until the next value of a field stands there, put there by a person or by a run beside this one.
 * What it waits for is in the vault and nowhere else, so a run that was killed goes on with it when it is run again, with
 * the whole of its time. A vault that is down, or has no quota left, is asked again later.
 * @param seconds that it waits
 * @throws FlowError not-found where nothing was put there in that time; aborted
 */
export async function untilStaged(
  input: InputOf<typeof stageKeys>,
  seconds: number,
  context: StepContext,
): Promise<Staged> {
  const { item, current } = await rotatedField(input.field, context);
  const into = named(item, `${current.label} (next)`);
  const until = context.now() + seconds * 1_000;
  const pace = Math.max(shortestPace, (seconds * 1_000) / mostLooks);
  for (let trouble: FlowError | undefined; ;) {
    const later = Math.max(pace, (trouble?.retryAfter ?? 0) * 1_000);
    const why = `looking every ${durationText(Math.round(pace / 1_000))} for a value in ${into}`;
    await waitUntil(context, Math.min(until, context.now() + later), why);
    const found = await planToStage(input, context).catch((error: unknown) => {
      if (!(error instanceof FlowError) || !errorCodes[error.code].retryable) throw error;
      if (error.code !== trouble?.code) context.warn(`${error.line()}; it is looked again`);
      return error;
    });
    trouble = found instanceof FlowError ? found : undefined;
    if (!(found instanceof FlowError) && found.output !== undefined) return found.output;
    if (context.now() < until) continue;
    throw (
      trouble ??
      new FlowError('not-found', `nobody has put a value into ${into} within ${durationText(seconds)}`, {
        hint: 'put it there, and run again',
        place: { subject: input.field.toString() },
      })
    );
  }
}
