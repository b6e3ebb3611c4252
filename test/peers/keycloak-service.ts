interface KeycloakService {
  /** of the realm, as the command reaches it */
  readonly realm: string;
  /** of the vault's Connect server; its token is in `VAULT_TOKEN` */
  readonly vault: string;
  /** a sign-in of `flows-proof` proves passwords and one-time passwords */
  readonly proof?: boolean;
  /** lines of the environment beside these, indented as they are */
  readonly more?: string;
}

/** A service.yaml whose environment `keycloak` has one realm as issuer and as identity provider, both named `main`. */
export function keycloakService({ realm, vault, proof = false, more = '' }: KeycloakService): string {
  const provider = `type: keycloak, url: '${realm}', token-flow: realm-token${proof ? `, ${proofClient}` : ''}`;
  return `default-environment: keycloak
environments:
  keycloak:
    development: true
    key: op://Agents/auth-chain key/password
    vault: { type: onepassword-connect, url: '${vault}', token: { env: VAULT_TOKEN } }
    issuers:
      main: { url: '${realm}' }
    identity-providers:
      main: { ${provider} }
      realm: { ${provider} }
${more}`;
}

const proofClient = 'proof: { client-id: flows-proof, client-secret: op://Agents/Proof/credential }';

/** The token with which {@link keycloakService}'s identity provider is changed; Keycloak's admin API asks for no audience. */
export const realmTokenFlow = `description: Changes users and clients
environments: [keycloak]
steps:
  - id: token
    uses: oauth/client-credentials
    with:
      issuer: \${{ issuers.main }}
      client-id: op://Agents/Provisioning/username
      client-secret: op://Agents/Provisioning/credential
      token-format: opaque
output: \${{ steps.token }}
`;
