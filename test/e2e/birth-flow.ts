/**
 * A flow `birth` that makes a user with a password and a one-time password.
 * @param environment in which there is such a provider
 * @param provider as service.yaml or development.yaml calls it
 * @param ours whether the seed is the vault's own; else the provider makes one
 */
export function birthFlow(environment: string, provider: string, ours: boolean): string {
  const made = `
  - id: seed
    uses: vault/set-one-time-password
    with: { item: '\${{ steps.login.item }}' }`;
  return `description: A user with a second factor
environments: [${environment}]
inputs:
  email: { type: string, format: email, description: User name and address }
steps:
  - id: login
    uses: vault/create-login
    with: { vault: Accounts, title: '\${{ inputs.email }}', username: '\${{ inputs.email }}' }${ours ? made : ''}
  - id: user
    uses: idp/create-user
    with:
      provider: \${{ identity-providers.${provider} }}
      username: \${{ inputs.email }}
      email: \${{ inputs.email }}
      given-name: New
      family-name: User
      password: \${{ steps.login.password }}
      ${ours ? 'one-time-password: ${{ steps.seed.reference }}' : ''}
  - id: totp
    uses: idp/enroll-totp
    with:
      provider: \${{ identity-providers.${provider} }}
      user: \${{ steps.user.id }}
      username: \${{ inputs.email }}
      password: \${{ steps.login.password }}
      item: \${{ steps.login.item }}
output: \${{ steps.user.id }}
`;
}
