import type { App } from '../../../app/open-app.ts';
import { FlowError } from '../../../foundation/errors.ts';
import { Reference } from '../../../foundation/reference.ts';
import type { Secret } from '../../../foundation/secret.ts';
import { parseInputs } from '../../../folder/flows/inputs.ts';
import type { RunningStack } from '../../../laptop/start-stack.ts';
import type { Line } from './report.ts';

/** A rotation in its two halves: old and new secret are accepted, then the new one alone. */
export async function rotationTour(app: App, line: Line, stack: RunningStack): Promise<void> {
  const field = (name: string) => Reference.of({ vault: 'Agents', item: 'Orders M2M', field: name });
  const rotate = async (overlap: string) => {
    const flow = app.flow('rotate-orders-client');
    await app.run(flow, parseInputs(flow, { 'if-older-than': '1s', overlap }));
  };
  const accepted = async (secret: Secret) => isAccepted(stack, await app.read(field('username')), secret);
  let former: Secret | undefined;
  let current: Secret | undefined;

  await line('rotate-orders-client', async () => {
    former = await app.read(field('credential'));
    await rotate('24h');
    current = await app.read(field('credential'));
    if (current.equals(former)) throw new FlowError('internal', 'the secret is still the same');
    return 'another secret, added, proven and promoted; the old one stays live for 24h';
  });
  const both = async (old: boolean) => {
    if (former === undefined || current === undefined) throw new FlowError('aborted', 'nothing was rotated');
    const answers = [await accepted(current), await accepted(former)];
    if (answers[0] !== true || answers[1] !== old) throw new FlowError('protocol', 'the issuer accepts others');
  };
  await line('old and new secret', async () => {
    await both(true);
    return 'both are accepted';
  });
  await line('rotate-orders-client again', async () => {
    // as on another day: the overlap is over
    await rotate('1s');
    await both(false);
    return 'the new secret is accepted, the old one refused';
  });
}

async function isAccepted(stack: RunningStack, clientId: Secret, secret: Secret): Promise<boolean> {
  const response = await fetch(new URL('/token', stack.addresses.issuer), {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId.disclose(),
      client_secret: secret.reveal(),
      resource: 'https://orders.example',
    }),
  });
  await response.body?.cancel();
  return response.ok;
}
