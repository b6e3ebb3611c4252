import { attributionForm } from '../../adapters/issuers/adapter.ts';
import { form, type Keys, optional, required, withDefault } from '../../language/forms.ts';

const played = form.object({ type: required(form.text(), 'as service.yaml has it: the laptop plays its API') });

/** The keys of development.yaml: what the laptop stack cannot derive from the flows. */
export const developmentKeys = {
  values: withDefault(
    form.mapping(form.text()),
    {},
    'plain values of fields, by reference: user names, hosts, client ids; never a secret',
    {
      example: '{ op://Agents/Orders M2M/username: orders }',
    },
  ),
  files: withDefault(
    form.list(form.reference()),
    [],
    'references to text files: attached to their item, or the document itself where it has nothing else; what is in one stands under `values`, else it is generated',
    { example: '[op://Agents/Orders TLS/ca.pem]' },
  ),
  clients: withDefault(
    form.mapping(
      form.object({
        claims: optional(form.mapping(form.json()), 'further claims of its access tokens'),
        audiences: optional(
          form.list(form.text(), { orOne: true }),
          'audiences that it may ask for, instead of those of the flows',
        ),
        scopes: optional(
          form.list(form.text(), { orOne: true }),
          'scopes that it may ask for, instead of those of the flows',
        ),
        'token-ttl': optional(
          form.number({ minimum: 5, maximum: 86_400, integer: true }),
          'seconds that its tokens live',
        ),
      }),
    ),
    {},
    'clients of the identity provider, by client id',
  ),
  users: withDefault(
    form.list(
      form.object({
        username: required(form.text(), 'user name'),
        password: required(form.reference(), 'where the password is; it is generated'),
        'one-time-password': optional(
          form.reference('one-time-password'),
          'where the one-time password is; without it, the first sign-in enrols',
        ),
      }),
    ),
    [],
    'accounts that are there from the start',
  ),
  vault: optional(played, 'how the laptop’s vault is asked, instead of by the SDK as with a service account’s token', {
    example: '{ type: onepassword-connect }',
  }),
  'identity-providers': withDefault(
    form.mapping(played),
    {},
    'what the laptop plays instead of SCIM, by the name of the identity provider',
    { example: '{ main: { type: keycloak } }' },
  ),
  'orders-api': withDefault(
    form.object({
      audience: withDefault(form.text(), 'https://orders.example', 'what it is called in a token'),
      scope: withDefault(form.text(), 'orders:read', 'the scope that it wants'),
    }),
    { audience: 'https://orders.example', scope: 'orders:read' },
    'the protected example API',
  ),
  attribution: optional(
    attributionForm,
    'its tokens say which agent they are for; without it, as the first issuer of service.yaml with an attribution does',
  ),
} satisfies Keys;
