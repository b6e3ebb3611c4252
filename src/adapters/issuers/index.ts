import { adaptersOf } from '../declaration.ts';
import { issuerKeys } from './adapter.ts';
import { openid } from './openid/index.ts';

/** Every kind of issuer, one line each. */
export const issuers = adaptersOf(issuerKeys, [openid]);
