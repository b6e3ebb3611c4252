import { discoveryForm } from '../../adapters/issuers/discovery-form.ts';
import { form, optional, required, type Keys } from '../../language/forms.ts';
import { urlForm } from '../../language/url.ts';

/** The keys of a trusted OIDC issuer. */
const trustKeys = {
  issuer: required(
    form.text({ pattern: /^https?:\/\/\S+$/, expects: 'the address of an OIDC issuer' }),
    'the `iss` of its tokens; its keys are found by OpenID Connect Discovery',
    { example: 'https://token.actions.githubusercontent.com' },
  ),
  discovery: optional(
    discoveryForm,
    'which metadata document names its keys: `oidc`, `oauth2` (RFC 8414) or the address of one; without it whichever it has',
  ),
  'jwks-uri': optional(urlForm, 'its key set, instead of what a document says'),
  keys: optional(
    form.text(),
    'a file with its key set (JWKS), beside policy.yaml or by its whole path, where its address cannot be asked: a cluster that wants authentication',
    { example: 'cluster-keys.json' },
  ),
  'token-issuer': optional(
    form.list(form.text(), { minimum: 1, orOne: true }),
    'the `iss` of its tokens, where that is not `issuer`',
  ),
  audience: required(form.text(), 'what must be in `aud`', { example: 'flows' }),
  run: optional(
    form.text(),
    'of an agent: the claim that names the run that asks; it counts as proven, behind the host of the issuer',
    { example: 'run_id' },
  ),
  claims: required(
    form.mapping(form.text()),
    'what must be in other claims: the whole value, in which `*` stands for any characters; at least one',
    { example: '{ repository: acme/orders, ref: refs/heads/* }' },
  ),
} satisfies Keys;

/** An OIDC issuer whose tokens prove an agent. */
export const trustForm = form.object(trustKeys);

const { run: _, ...ofAnybody } = trustKeys;

/** … and one at which a person signs in. */
export const personTrustForm = form.object({
  ...ofAnybody,
  audience: required(
    form.text(),
    "the page's client there, with PKCE, whose redirect URI is the page's address and `/`; a public one, unless it stands under `page-clients:` of service.yaml",
    { example: 'flows-page' },
  ),
  claims: required(
    form.mapping(form.text()),
    'what must be in the other claims of the ID token: `sub`, which is this person alone, whole; others as of agents',
    { example: '{ sub: 8a1c04b2 }' },
  ),
});
