import { adaptersOf } from '../declaration.ts';
import { openid } from './openid/index.ts';

/** Every kind of issuer, one line each. */
export const issuers = adaptersOf({}, [openid]);
