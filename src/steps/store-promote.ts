import { FlowError, someOf } from '../foundation/errors.ts';
import { connection } from '../adapters/connection-forms.ts';
import { form, required } from '../language/forms.ts';
import { writeStep, type Change } from './contract.ts';
import { lookAtPending, pendingIn } from './store-push/pending.ts';

/** The second half of a push with `stage: pending`: what stands between the two proves the values. */
export const storePromote = writeStep({
  name: 'store/promote',
  summary: 'Puts values in force that store/push has stored as pending.',
  effect: 'write',
  with: {
    store: required(connection('stores'), 'where they are', { example: '${{ stores.aws }}' }),
    pending: required(form.json(), 'what the push gives', { example: '${{ steps.push.pending }}' }),
  },
  output: {
    changed: { type: 'json', description: 'name and identifier of each secret whose value is another one now' },
  },
  async plan({ store, pending }, context) {
    if (store === undefined || pending === undefined)
      return { changes: [{ action: 'update', what: 'pending values', detail: 'known after run' }] };
    const found = await lookAtPending(store, pendingIn(pending), context);
    const changes = found.map(({ name, version, stored }): Change => {
      const what = `secret "${name}"`;
      if (stored?.current === version) return { action: 'none', what, detail: 'is in force' };
      if (stored?.versions.includes(version) === true)
        return { action: 'update', what, detail: 'the pending value comes into force' };
      return { action: 'conflict', what, detail: gone };
    });
    return changes.every(({ action }) => action === 'none') ? { changes, output: { changed: [] } } : { changes };
  },
  async run({ store, pending }, context) {
    const { promote } = store;
    const wanted = pendingIn(pending);
    if (wanted.length === 0) return { changed: [] };
    if (promote === undefined) throw new FlowError('refused', 'the store cannot hold a value back');
    return context.locked(`store/push ${store.scope ?? store.address}`, async () => {
      const found = await lookAtPending(store, wanted, context);
      const lost = found.filter(({ version, stored }) => stored?.versions.includes(version) !== true);
      if (lost.length > 0) {
        const names = someOf(lost.map(({ name }) => `"${name}"`));
        throw new FlowError('conflict', `secrets ${names}: left as they are, and nothing was put in force`, {
          hint: gone,
        });
      }
      const changed: { name: string; arn: string }[] = [];
      for (const { name, version, stored } of found) {
        if (stored === undefined || stored.current === version) continue;
        context.progress(`putting secret "${name}" in force`);
        await promote(stored, version, context.signal);
        changed.push({ name, arn: stored.id });
      }
      return { changed };
    });
  },
});

const gone = 'the pending value is not there any more: push it again';
