import { durationPattern } from '../foundation/duration.ts';
import { form } from './forms.ts';

/** A length of time in a YAML file: `15m`. */
export const durationForm = form.text({
  pattern: durationPattern,
  expects: 'a length of time: a number and s, m, h or d, as in 15m',
});
