import { form } from './forms.ts';

/** A key of our own: one reference, or two while it is being replaced: new, old. */
export const rootKeyForm = form.list(form.reference(), { orOne: true, minimum: 1, maximum: 2 });
