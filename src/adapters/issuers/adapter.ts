import { form, optional, required, withDefault, type Keys } from '../../language/forms.ts';
import type { Declaration, Services, Settings, SettingsOf } from '../declaration.ts';
import { type Attribution, type Issuer, standardParameters } from './contract.ts';

/** Claims that are the protocol's own (RFC 7519, RFC 9068): no issuer lets an Action or hook write them. */
const standardClaims = ['iss', 'aud', 'exp', 'nbf', 'iat', 'jti', 'client_id', 'scope'];
const except = (names: readonly string[]) => `(?!(?:${names.join('|')})$)`;

/** The form of {@link Attribution}, in service.yaml and for the laptop. */
export const attributionForm = form.object({
  claim: required(
    form.text({ pattern: new RegExp(`^${except(standardClaims)}`), expects: "a claim that is not the protocol's own" }),
    'the claim of its tokens that names the agent; a dot leads into an object',
    {
      example: 'https://orders.example/agent',
    },
  ),
  parameter: required(
    form.text({
      pattern: new RegExp(`^${except(standardParameters)}[\\w.-]{1,64}$`),
      expects: "a parameter that is not the grant's own",
    }),
    'the parameter of the token request that its Action, hook or mapper makes the claim of',
  ),
  per: withDefault(
    form.oneOf('agent', 'agent-run'),
    'agent',
    'who has a token of its own: each agent; or each proven agent run, which asks for many more, and is revoked when the run ends',
  ),
});

/** The keys of service.yaml that every issuer has. */
export const issuerKeys = {
  attribution: optional(
    attributionForm,
    'its tokens say which agent they are for: that is asked for, demanded, and each agent has a token of its own',
    { example: '{ claim: https://orders.example/agent, parameter: agent }' },
  ),
} satisfies Keys;

export interface IssuerServices extends Services {
  /** `attribution:` of service.yaml */
  readonly attribution: Attribution | undefined;
}

/** An adapter of {@link Issuer}. */
export type IssuerAdapter<S = Settings> = Declaration<S, IssuerServices, Issuer>;

/** Declares one. @typeParam K `typeof keys` */
export function issuerAdapter<K extends Keys = never>(
  adapter: IssuerAdapter<SettingsOf<K>> & { readonly keys: NoInfer<K> },
): IssuerAdapter {
  return adapter;
}
