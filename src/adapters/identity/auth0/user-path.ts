import type { FlowError } from '../../../foundation/errors.ts';
import { missingUser as noSuchUser } from '../missing-user.ts';
import { segment } from '../segment.ts';
import type { Tenant } from './tenant.ts';

/** Where a user is. @throws FlowError not-found for what is no id of a tenant: `auth0|…` */
export function userPath(tenant: Pick<Tenant, 'name'>, id: string): string {
  if (!isUserId(id)) throw missingUser(tenant, id);
  return `users/${segment(id)}`;
}

export function isUserId(id: string): boolean {
  return /^[^|]+\|./.test(id);
}

export function missingUser({ name }: Pick<Tenant, 'name'>, id: string): FlowError {
  return noSuchUser(name, id, 'auth0|…');
}
