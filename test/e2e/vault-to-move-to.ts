import type { Home } from './home.ts';

/** A folder whose laptop has the vault `Moved`, since a flow reads it. */
export function withVaultToMoveTo(home: Home): void {
  home.write('flows/service.yaml', 'default-environment: development\nenvironments: { development: {} }\n');
  home.write(
    'flows/vaults.yaml',
    'description: The vaults of the move\nsteps: [{ id: a, uses: vault/read, with: { reference: op://Moved/seed/password } }]\n',
  );
}
