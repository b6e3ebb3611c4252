import { form, type ConnectionKind, type Typed } from '../language/forms.ts';
import type { Capability } from './identity/capabilities.ts';
import type { Api } from './apis/contract.ts';
import type { IdentityProvider } from './identity/contract.ts';
import type { Issuer } from './issuers/contract.ts';
import type { SecretStore } from './stores/contract.ts';

interface ConnectionTypes {
  readonly issuers: Issuer;
  readonly 'identity-providers': IdentityProvider;
  readonly stores: SecretStore;
  readonly apis: Api;
}

/** `${{ issuers.main }}`: a key of a step that gets the adapter. The one place that joins the language to the contracts. */
export function connection<C extends ConnectionKind>(
  to: C,
  options: { needs?: readonly Capability[] } = {},
): Typed<ConnectionTypes[C]> {
  return form.connection(to, options) as Typed<ConnectionTypes[C]>;
}
