import { adaptersOf } from '../declaration.ts';
import { keycloak } from './keycloak/index.ts';
import { scim } from './scim/index.ts';

/** Every kind of identity provider, one line each. */
export const identityProviders = adaptersOf({}, [scim, keycloak]);
