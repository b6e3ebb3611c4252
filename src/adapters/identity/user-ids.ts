import type { FlowError } from '../../foundation/errors.ts';
import { missingUser } from './missing-user.ts';
import { segment } from './segment.ts';

/** The ids of users of a provider whose API takes other things than an id at the same place. */
export interface UserIds {
  is(id: string): boolean;
  /** Where a user is, below the base of the API. @throws FlowError not-found for what is no id */
  path(id: string): string;
  missing(id: string): FlowError;
}

/** @param name the provider's in service.yaml. @param form how an id looks, for messages: `auth0|…` */
export function userIds(name: string, pattern: RegExp, form: string): UserIds {
  const missing = (id: string) => missingUser(name, id, form);
  return {
    is: (id) => pattern.test(id),
    path(id) {
      if (!pattern.test(id)) throw missing(id);
      return `users/${segment(id)}`;
    },
    missing,
  };
}
