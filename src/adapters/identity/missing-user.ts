import { FlowError } from '../../foundation/errors.ts';

/** @param form how its ids look, where a user name could not be one */
export function missingUser(name: string, id: string, form?: string): FlowError {
  return new FlowError('not-found', `identity provider "${name}" has no user with the id "${id}"`, {
    hint: `give the id that idp/create-user put out${form === undefined ? '' : ` (${form})`}, not the user name`,
  });
}
