import { FlowError } from '../../foundation/errors.ts';
import { parseDuration } from '../../foundation/duration.ts';
import type { Reference } from '../../foundation/reference.ts';
import type { Capability } from '../../adapters/identity/capabilities.ts';
import type { IdentityProvider, ListedSecret } from '../../adapters/identity/contract.ts';
import { durationForm } from '../../language/duration-form.ts';
import { form, optional, required, type InputOf } from '../../language/forms.ts';
import type { StepContext, StepPlan } from '../contract.ts';
import { clientKeys, idOf, lockOf, nothing } from './add-client-credential.ts';
import { matching, type LiveCredentials } from './live-credentials.ts';
import { rotatedField, type RotatedField } from '../../adapters/vaults/rotated-field.ts';
import { waitUntil } from './wait-until.ts';

export const retireOutput = {
  previous: {
    type: 'reference',
    description: 'the former value, to be dropped; the field itself as long as it is not retired',
  },
} as const;

export function retireKeys(capability: Capability) {
  return {
    ...clientKeys(capability),
    secret: required(form.reference(), 'where the former value stands; where it does not, there is nothing to retire', {
      example: '${{ steps.promoted.previous }}',
    }),
    overlap: optional(
      durationForm,
      'how long both stay live after the promotion; up to 10m are waited for, what is longer is for a later run',
      { example: '24h' },
    ),
  };
}
type Input = InputOf<ReturnType<typeof retireKeys>>;
type Of = (provider: IdentityProvider) => LiveCredentials;
type Output = { readonly previous: Reference };

/** what a run stays for, milliseconds */
const patience = 600_000;

export async function planToRetire(input: Partial<Input>, of: Of, context: StepContext): Promise<StepPlan<Output>> {
  const { provider, secret, overlap } = input;
  const clientId = input['client-id'];
  if (provider === undefined || secret === undefined || clientId === undefined)
    return { changes: [{ action: 'revoke', what: 'a former credential', detail: 'known after run' }] };
  const live = of(provider);
  const rotated = await rotatedField(secret, context);
  const { references, previous } = rotated;
  const client = await idOf(clientId, context);
  const what = `former ${live.what} of "${client}" at ${provider.address}`;
  if (previous === undefined) return nothing(what, 'there is none', { previous: references.current });
  const ends = endOf(rotated, overlap);
  if (ends - context.now() > patience) return nothing(what, staysUntil(ends), { previous: references.current });
  const found = await look(live, client, rotated);
  if (found === undefined) return nothing(what, 'is not live any more', { previous: references.previous });
  return { changes: [{ action: 'revoke', what, ...(overlap === undefined ? {} : { detail: `after ${overlap}` }) }] };
}

export async function retireCredential(input: Input, of: Of, context: StepContext): Promise<Output> {
  const { provider, secret, overlap } = input;
  const live = of(provider);
  const client = await idOf(input['client-id'], context);
  return context.locked(lockOf(provider, client), async () => {
    const rotated = await rotatedField(secret, context);
    const { references, previous } = rotated;
    if (previous === undefined) return { previous: references.current };
    const ends = endOf(rotated, overlap);
    if (ends - context.now() > patience) {
      context.progress(staysUntil(ends));
      return { previous: references.current };
    }
    await waitUntil(
      context,
      ends,
      `waiting until the former ${live.what} has lived for ${overlap ?? ''} beside the new one`,
    );
    const found = await look(live, client, rotated);
    if (found !== undefined) {
      context.progress(`retiring the former ${live.what} of "${client}"`);
      await live.retire(client, found.id);
    }
    return { previous: references.previous };
  });
}

function endOf({ since }: RotatedField, overlap: string | undefined): number {
  return overlap === undefined ? 0 : since + (parseDuration(overlap) ?? 0) * 1_000;
}

function staysUntil(ends: number): string {
  return `stays live until ${new Date(ends).toISOString().slice(0, 16).replace('T', ' ')} UTC: the next run after that retires it`;
}

/** The listed one that is the former. Nothing is retired where the one in force is not surely among the others. */
async function look(
  live: LiveCredentials,
  client: string,
  { current, previous }: RotatedField,
): Promise<ListedSecret | undefined> {
  if (previous === undefined) return undefined;
  const listed = await live.list(client);
  const [former, inForce] = [matching(listed, previous.value), matching(listed, current.value)];
  if (former !== undefined && inForce !== undefined) {
    if (former.length === 0) return undefined;
    // a provider may show a part of them alone
    const others = former.filter((each) => !inForce.includes(each));
    if (inForce.length > 0 && others.length > 0) return others[0];
    const why = inForce.length === 0 ? 'is not one that the provider accepts' : 'cannot be told from the former one';
    throw new FlowError('conflict', `the ${live.what} in force ${why}`, {
      hint: 'the former one stays live: see who changed the client, and run again',
      place: { subject: current.reference.toString() },
    });
  }
  // it does not say which they are: of two, the older is the former, since the newer was added and proven
  return live.live === 2 && listed.length === 2 ? listed[1] : undefined;
}
