import { FlowError } from '../../foundation/errors.ts';
import type { SecretStore, StoredSecret } from '../../adapters/stores/contract.ts';
import type { StepContext } from '../contract.ts';

/** A value that is stored and not in force. */
export interface Pending {
  readonly name: string;
  readonly version: string;
}

interface Found extends Pending {
  readonly stored: StoredSecret | undefined;
}

/** How values that a push holds back stand by now. */
export async function lookAtPending(
  store: SecretStore,
  pending: readonly Pending[],
  context: StepContext,
): Promise<readonly Found[]> {
  if (pending.length === 0) return [];
  const names = pending.map(({ name }) => store.rules.nameOf(name));
  await store.verify(names);
  // the list may lag behind the push
  const stored = await store.inspect(names, { strict: true, signal: context.signal });
  return pending.map((each) => ({ ...each, stored: stored.get(each.name) }));
}

/** @throws FlowError invalid-value where it is not what a push gives */
export function pendingIn(given: unknown): readonly Pending[] {
  const isPending = (each: unknown): each is Pending =>
    typeof each === 'object' &&
    each !== null &&
    'name' in each &&
    'version' in each &&
    typeof each.name === 'string' &&
    typeof each.version === 'string';
  if (Array.isArray(given) && given.every(isPending)) return given;
  throw new FlowError('invalid-value', '"pending" is not what store/push gives', {
    hint: 'write ${{ steps.ID.pending }} of the push',
  });
}

/** What is not in force yet is held back no longer. @returns whether anything was */
export async function takeBackPending(
  store: SecretStore,
  pending: readonly Pending[],
  context: StepContext,
): Promise<boolean> {
  const found = await lookAtPending(store, pending, context);
  let any = false;
  for (const { name, version, stored } of found) {
    // it is in force by now, or another push replaced it
    if (stored?.pending !== version) continue;
    context.progress(`taking back the pending value of secret "${name}"`);
    await store.withdraw?.(stored, version, context.signal);
    any = true;
  }
  return any;
}
