import { FlowError } from '../../foundation/errors.ts';
import { Reference } from '../../foundation/reference.ts';
import { connection } from '../../adapters/connection-forms.ts';
import type { Capability } from '../../adapters/identity/capabilities.ts';
import type { IdentityProvider } from '../../adapters/identity/contract.ts';
import { writableItems } from '../../adapters/vaults/writable-items.ts';
import { form, required, withDefault, type InputOf } from '../../language/forms.ts';
import type { Change, StepContext, StepPlan } from '../contract.ts';
import { matching, type LiveCredentials } from './live-credentials.ts';
import { placeOf, rotatedField } from '../../adapters/vaults/rotated-field.ts';
import { inItem } from './in-item.ts';
import { waitUntil } from './wait-until.ts';

export const addOutput = {
  secret: { type: 'reference', description: 'the same reference, which the provider accepts now: to be proven' },
} as const;

/** Whose credentials they are. */
export function clientKeys(capability: Capability) {
  return {
    provider: required(connection('identity-providers', { needs: [capability] }), 'the identity provider', {
      example: '${{ identity-providers.main }}',
    }),
    'client-id': required(form.textOrReference(), 'the client id, or a reference to it', {
      example: 'op://Agents/Orders M2M/username',
    }),
  };
}

export function addKeys(capability: Capability) {
  return {
    ...clientKeys(capability),
    secret: required(form.reference(), 'the next value; the field itself: nothing is added', {
      example: '${{ steps.next.secret }}',
    }),
    'accept-gap': withDefault(
      form.boolean(),
      false,
      'goes on where one alone can live: what has the former one is refused until it reads the new one',
    ),
  };
}
type Input = InputOf<ReturnType<typeof addKeys>>;
type Of = (provider: IdentityProvider) => LiveCredentials;

export async function planToAdd(
  input: Partial<Input>,
  of: Of,
  context: StepContext,
): Promise<StepPlan<{ readonly secret: Reference }>> {
  const { provider, secret } = input;
  const clientId = input['client-id'];
  if (provider === undefined || clientId === undefined)
    return { changes: [{ action: 'create', what: 'a live credential', detail: 'known after run' }] };
  const live = of(provider);
  const client = await idOf(clientId, context);
  const what = `${live.what} of "${client}" at ${provider.address}`;
  // known after run means that one will be staged: whether it may be added is told before it is
  if (secret !== undefined) {
    if (placeOf(secret) !== 'next') return nothing(what, 'nothing is staged', { secret });
    const standing = await look(live, client, secret, context);
    if (standing === 'accepted') return nothing(what, 'accepts the next one', { secret });
    if (standing === 'full') return { changes: [{ action: 'conflict', what, detail: full }] };
  }
  if (live.live === 1 && !acceptsGap(input, context))
    return { changes: [{ action: 'conflict', what, detail: `${oneOnly(live)}; ${gapHint(live)}` }] };
  return { changes: [{ action: 'create', what, detail: detailOf(live) }] };
}

export async function addCredential(input: Input, of: Of, context: StepContext): Promise<{ secret: Reference }> {
  const { provider, secret } = input;
  const live = of(provider);
  const client = await idOf(input['client-id'], context);
  return context.locked(lockOf(provider, client), async () => {
    if (placeOf(secret) !== 'next') return { secret };
    const standing = await look(live, client, secret, context);
    if (standing === 'accepted') return { secret };
    const place = { subject: `${live.what} of "${client}" at ${provider.address}` };
    if (standing === 'full')
      throw new FlowError('conflict', 'two are live, and neither is the next one', { hint: full, place });
    if (live.live === 1 && !acceptsGap(input, context))
      throw new FlowError('refused', oneOnly(live), { hint: gapHint(live), place });
    context.progress(`adding the next ${live.what} of "${client}"`);
    const value = await live.add(client, await context.read(secret));
    if (value !== undefined) {
      await inItem(secret, context, async () => {
        const { item, next } = await rotatedField(secret, context);
        if (next === undefined) throw new FlowError('conflict', 'the next value is gone from the vault', { place });
        await writableItems(context.vault).setFields(item, [{ field: next, value }]);
      });
    }
    if (live.changeLag > 0)
      await waitUntil(context, context.now() + live.changeLag * 1_000, 'waiting: either secret may be accepted yet');
    return { secret };
  });
}

type Standing = 'accepted' | 'full' | 'missing';

async function look(live: LiveCredentials, client: string, secret: Reference, context: StepContext): Promise<Standing> {
  const [listed, value] = await Promise.all([live.list(client), context.read(secret)]);
  const found = matching(listed, value);
  // where the provider does not say which they are, a second one is the one that was added; the proof shows whether it is
  if (found === undefined ? live.live === 2 && listed.length >= 2 : found.length > 0) return 'accepted';
  return live.live === 2 && listed.length >= 2 ? 'full' : 'missing';
}

const full = 'two are live, and neither is the next one: retire the one that nobody uses at the provider';
const oneOnly = ({ what }: LiveCredentials) => `one ${what} alone can live there: adding one ends the former at once`;

function gapHint({ what }: LiveCredentials): string {
  const keys =
    what === 'client key'
      ? ''
      : ', or rotate a key, of which two can live: vault/create-key, idp/add-client-key, and client-key: in the flows that read it';
  return `go on with --accept-gap or accept-gap: true${keys}`;
}

function acceptsGap(input: Partial<Input>, { options }: StepContext): boolean {
  return input['accept-gap'] === true || options.has('accept-gap');
}

function detailOf({ live, origin }: LiveCredentials): string {
  const made =
    origin === 'theirs' ? 'made by the provider, and written into the vault in place of the staged value; ' : '';
  return `${made}${live === 1 ? 'the former one ends at once' : 'the former one stays live beside it'}`;
}

export function lockOf(provider: IdentityProvider, client: string): string {
  return `client ${provider.address} ${client}`;
}

export async function idOf(source: string | Reference, context: StepContext): Promise<string> {
  return source instanceof Reference ? (await context.read(source)).disclose() : source;
}

/** A plan of one change. */
export function nothing<O>(what: string, detail: string, output: O): StepPlan<O> {
  const change: Change = { action: 'none', what, detail };
  return { changes: [change], output };
}
