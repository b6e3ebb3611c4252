import { afterAll, beforeAll } from 'vitest';
import { type Keycloak, startKeycloak } from './keycloak.ts';
import { keycloakBirths } from './keycloak-births.ts';
import { keycloakBreakGlass } from './keycloak-break-glass.ts';
import { keycloakFlows } from './keycloak-flows.ts';
import { keycloakAccounts } from './keycloak-accounts.ts';
import { makeRealm, type Realm } from './keycloak-realm.ts';
import { keycloakPeople } from './keycloak-people.ts';
import { keycloakRotation } from './keycloak-rotation.ts';
import { keycloakSignIn } from './keycloak-sign-in.ts';
import { keycloakTokens } from './keycloak-tokens.ts';
import { keycloakUsers } from './keycloak-users.ts';

let keycloak: Keycloak;
let realm: Realm;

beforeAll(async () => {
  keycloak = await startKeycloak();
  realm = await makeRealm(keycloak, 'main');
  // on a busy machine its first start builds it anew
}, 300_000);
afterAll(() => keycloak?.stop());

// one Keycloak for all of them: its start is what takes long
keycloakTokens(() => realm);
keycloakSignIn(
  () => keycloak,
  () => realm,
);
keycloakPeople(() => realm);
keycloakUsers(() => realm);
keycloakAccounts(() => keycloak);
keycloakFlows(() => realm);
keycloakRotation(() => keycloak);
keycloakBreakGlass(() => keycloak);
keycloakBirths(() => keycloak);
