import { adaptersOf } from '../declaration.ts';
import { auth0 } from './auth0/index.ts';
import { cognito } from './cognito/index.ts';
import { entra } from './entra/index.ts';
import { keycloak } from './keycloak/index.ts';
import { okta } from './okta/index.ts';
import { scim } from './scim/index.ts';

/** Every kind of identity provider, one line each. */
export const identityProviders = adaptersOf({}, [scim, keycloak, auth0, okta, entra, cognito]);
