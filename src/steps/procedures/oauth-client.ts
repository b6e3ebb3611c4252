import { connection } from '../../adapters/connection-forms.ts';
import { authenticatedBy, credentialKeys } from '../../adapters/issuers/client.ts';
import type { Attribution, ClientRequest, Credential, Issuer } from '../../adapters/issuers/contract.ts';
import { opaqueTellsNobody, standardParameters } from '../../adapters/issuers/contract.ts';
import { FlowError } from '../../foundation/errors.ts';
import { lookOf } from '../../foundation/look-of-secret.ts';
import { Reference } from '../../foundation/reference.ts';
import { Secret } from '../../foundation/secret.ts';
import { form, type InputOf, type Keys, optional, required, withDefault } from '../../language/forms.ts';
import type { ClientUse, InputProblem, StepContext } from '../contract.ts';

/** The client that asks an issuer, as every `oauth/` step names it. */
export const clientKeys = {
  issuer: required(connection('issuers'), 'the issuer', { example: '${{ issuers.main }}' }),
  'client-id': required(form.textOrReference(), 'the client id, or a reference to it', {
    example: 'op://Agents/Orders M2M/username',
  }),
  ...credentialKeys,
} satisfies Keys;

/**
 * scope-token of RFC 6749, section 3.3, with the spaces of a list written as one text. A comma is one of its
 * characters; at a token's end it is a list written as elsewhere, and would be asked for as another scope.
 */
const scopeText = /^(?!.*,(?: |$)) *[\x21\x23-\x5b\x5d-\x7e][\x20\x21\x23-\x5b\x5d-\x7e]*$/;

/** What it asks a token for. */
export const tokenKeys = {
  audience: optional(form.text(), 'the API that the token is for; must be in its `aud`', {
    example: 'https://orders.example',
  }),
  resource: optional(
    form.list(form.text(), { orOne: true }),
    'resource indicators (RFC 8707), absolute URIs; each must be in `aud`',
  ),
  scope: optional(
    form.list(
      form.text({
        pattern: scopeText,
        expects: 'scopes separated by spaces, not commas: ASCII without quotes or backslashes',
      }),
      { orOne: true },
    ),
    'scopes; each must be granted',
    { example: '[orders:read]' },
  ),
  parameters: optional(form.mapping(form.text({ allowEmpty: true })), 'further parameters of the token request'),
  'require-claims': optional(
    form.mapping(form.json()),
    'claims that the JWT must hold: equal, or in its list; of a list, each value',
  ),
  'token-format': withDefault(
    form.oneOf('jwt', 'opaque'),
    'jwt',
    'jwt: signature, issuer, audience, expiry and claims are checked; opaque: nothing is read in it',
  ),
} satisfies Keys;

/** What a step gives that gives a token. */
export const tokenOutput = {
  'access-token': { type: 'secret', description: 'the access token' },
  'token-type': { type: 'text', description: '`Bearer`' },
  'expires-at': {
    type: 'number',
    description: 'epoch seconds; absent where the issuer does not say',
    optional: true,
  },
  scope: { type: 'text', description: 'granted scope, space separated', optional: true },
  jti: {
    type: 'text',
    description: 'its `jti`, by which the trail knows it; absent where it has none',
    optional: true,
  },
} as const;

type ClientInput = InputOf<typeof clientKeys>;
type TokenInput = InputOf<typeof tokenKeys>;

/** What cannot be asked for. @param attribution that of the issuer */
export function tokenProblems(
  input: Partial<TokenInput>,
  attribution: Attribution | undefined,
): readonly InputProblem[] {
  const problems: InputProblem[] = [];
  for (const name of Object.keys(input.parameters ?? {})) {
    const key = 'parameters';
    const problem = `${name} is not a further parameter`;
    const own = ['audience', 'resource', 'scope', 'client_id'].includes(name);
    if (name === attribution?.parameter)
      problems.push({ key, problem, hint: 'by `attribution` of service.yaml it names the agent that asks' });
    else if (standardParameters.includes(name))
      problems.push({
        key,
        problem,
        hint: own ? `write ${name.replace('_', '-')} as a key of its own` : 'the grant sets it',
      });
  }
  for (const resource of input.resource ?? []) {
    const url = URL.parse(resource);
    if (url !== null && !resource.includes('#')) continue;
    problems.push({
      key: 'resource',
      problem: 'is not an absolute URI without a fragment',
      hint: 'as RFC 8707 has it; an API that is named otherwise is an audience',
    });
  }
  if (input['token-format'] !== 'opaque') return problems;
  if (Object.keys(input['require-claims'] ?? {}).length > 0)
    problems.push({ key: 'require-claims', problem: 'an opaque token has no claims to check', hint: 'remove it' });
  if (attribution !== undefined) problems.push({ key: 'token-format', ...opaqueTellsNobody });
  return problems;
}

/** The client as the laptop and the reference are to know it. */
export function clientUses(input: Partial<ClientInput & TokenInput>): readonly ClientUse[] {
  const id = input['client-id'];
  if (id === undefined) return [];
  return [
    {
      id,
      secrets: input['client-secret'] ?? [],
      key: input['client-key'],
      audiences: [input.audience ?? [], input.resource ?? []].flat(),
      scopes: scopesOf(input.scope),
      tokenFormat: input['token-format'] ?? 'jwt',
    },
  ];
}

/** The part of a request that says what is asked for. */
export function tokenRequest(input: TokenInput, { agent }: StepContext) {
  return {
    audience: input.audience,
    resource: input.resource,
    scope: input.scope && scopesOf(input.scope),
    parameters: input.parameters,
    requireClaims: input['require-claims'],
    tokenFormat: input['token-format'],
    agent,
  };
}

/** Asks the issuer as the client that the input names; what it is refused for says what the credentials look like. */
export async function asClient<T>(
  input: ClientInput,
  context: StepContext,
  ask: (issuer: Issuer, client: ClientRequest) => Promise<T>,
): Promise<T> {
  const key = input['client-key'];
  const early = key ?? input['client-secret']?.[0];
  // the issuer answers while the vault signs in; what is wrong with it is told where it is needed
  input.issuer.discover().catch(() => undefined);
  // asked for side by side, so that they share one batch of the vault
  const [clientId, value] = await Promise.all([
    textOf(input['client-id'], context),
    early === undefined ? undefined : context.read(early),
  ]);
  const read = new Map<string, Secret>();
  let unread: unknown;
  const credential = (reference: Reference): Credential => ({
    label: reference.toString(),
    async read() {
      try {
        const found = reference === early && value !== undefined ? value : await context.read(reference);
        read.set(reference.toString(), found);
        return found;
      } catch (error) {
        unread = error;
        throw error;
      }
    },
  });
  const asked = ask(input.issuer, {
    clientId,
    ...authenticatedBy(input, credential),
    signal: context.signal,
    warn: (message) => {
      context.warn(message);
    },
  });
  return asked.catch((error: unknown) => {
    // the vault's own refusal says nothing about values that the issuer has seen
    if (key !== undefined || error === unread) throw error;
    if (input['client-id'] instanceof Reference) read.set(input['client-id'].toString(), new Secret(clientId));
    throw withLooks(error, read);
  });
}

/** Revokes a token, where the issuer has an endpoint for it. */
export async function takeBackToken(
  input: ClientInput,
  { accessToken }: { readonly accessToken: Secret },
  context: StepContext,
): Promise<void> {
  if (input.issuer.revoke === undefined) return;
  try {
    await asClient(input, context, async (issuer, client) => issuer.revoke?.({ ...client, token: accessToken }));
  } catch (error) {
    // no endpoint: the token ends by its expiry alone
    if (!(error instanceof FlowError) || error.code !== 'refused') throw error;
  }
}

/** A refusal with what the refused values look like: a line break that was pasted along is seen by nobody. */
function withLooks(error: unknown, read: ReadonlyMap<string, Secret>): unknown {
  if (!(error instanceof FlowError) || error.code !== 'denied') return error;
  const odd = [...read].flatMap(([reference, secret]) => {
    const look = lookOf(secret);
    return look === undefined ? [] : [`the value of ${reference} ${look}`];
  });
  return odd.length === 0
    ? error
    : error.with({ hint: [...odd, error.hint].filter((each) => each !== undefined).join('; ') });
}

function scopesOf(written: readonly string[] = []): readonly string[] {
  return written.flatMap((text) => text.split(' ')).filter((scope) => scope !== '');
}

async function textOf(source: string | Reference, context: StepContext): Promise<string> {
  return typeof source === 'string' ? source : (await context.read(source)).reveal();
}
