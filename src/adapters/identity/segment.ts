import { FlowError } from '../../foundation/errors.ts';

/** An id as one segment of a path; `..` would lead out of it. @throws FlowError not-found */
export function segment(id: string): string {
  const encoded = encodeURIComponent(id);
  if (/^\.{0,2}$/.test(encoded)) throw new FlowError('not-found', `"${id}" is no id`, { hint: 'give the id' });
  return encoded;
}
