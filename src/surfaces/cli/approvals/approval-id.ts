import { FlowError } from '../../../foundation/errors.ts';
import { approvalForm } from '../../../foundation/wire.ts';

/** The approval that a command names. @throws FlowError usage */
export function idIn([, id]: readonly string[]): string {
  if (id !== undefined && approvalForm.test(id)) return id;
  throw new FlowError('usage', id === undefined ? 'an approval is missing' : 'that is no approval', {
    hint: '`flows approvals` lists them',
  });
}
