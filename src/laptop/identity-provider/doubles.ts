import { auth0Tenant } from './auth0/tenant.ts';
import { cognitoPool } from './cognito/pool.ts';
import type { Double } from './double.ts';
import { entraDirectory } from './entra/directory.ts';
import { keycloakRealm } from './keycloak/realm.ts';
import { oktaOrg } from './okta/org.ts';

/** The APIs of identity providers that the laptop plays, one line each. */
export const doubles: readonly Double[] = [keycloakRealm, auth0Tenant, oktaOrg, entraDirectory, cognitoPool];
