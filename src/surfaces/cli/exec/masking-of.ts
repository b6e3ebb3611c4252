import { createMasking, type Masking } from '../../../foundation/masking/masking.ts';
import { Secret } from '../../../foundation/secret.ts';
import type { Terminal } from '../terminal.ts';
import type { Variable } from './values.ts';

/** The secrets among variables, masked by their names; undefined where there are none. What is not masked is told. */
export function maskingOf(variables: readonly Variable[], insist: boolean, terminal: Terminal): Masking | undefined {
  const values = variables.flatMap(({ name, value }) =>
    value instanceof Secret && !value.isEmpty ? [{ name, value }] : [],
  );
  if (values.length === 0) return undefined;
  const masking = createMasking(values, { insist });
  if (masking.left.length > 0)
    terminal.tell('warning', `too short or too common to be masked: ${masking.left.join(', ')} (--insist masks it)`);
  return masking;
}
