import { durationForm } from '../../language/duration-form.ts';
import { form, optional, required, withDefault, type Keys } from '../../language/forms.ts';
import { patternForm } from './name-pattern.ts';
import { personTrustForm } from './trust-keys.ts';

/** An approver's name, as an agent's. */
export const approverName = /^[a-z][a-z0-9_-]{0,62}$/;
const approvalScopes = ['call', 'run', 'session'] as const;
const passkeyAlgorithms = ['ES256', 'EdDSA', 'RS256'] as const;

const person = form.text({ pattern: approverName, expects: 'the name of an approver' });
const base64url = form.text({ pattern: /^[A-Za-z0-9_-]{16,1400}$/, expects: 'base64url without padding' });

/** What an approval is, wherever it is wanted. */
const termKeys = {
  by: required(form.list(person, { minimum: 1, maximum: 100, orOne: true }), 'who may approve it, of `approvers:`', {
    example: '[ann, bo]',
  }),
  needs: withDefault(form.number({ minimum: 1, maximum: 100, integer: true }), 1, 'how many of them must'),
  scope: withDefault(
    form.oneOf(...approvalScopes),
    'call',
    'what one approval is for: one `call`, all of a proven agent `run` and its children, or a `session`, which is the same and not for what writes; an agent that proves no run is asked about each call',
  ),
  wait: withDefault(durationForm, '10m', 'how long it waits for an answer, at most 1d'),
  expires: optional(
    durationForm,
    'how long it is good for once it is given, at most 12h; without it 10m for a call, else 8h',
  ),
  uses: optional(
    form.number({ minimum: 1, maximum: 100_000, integer: true }),
    'how many calls it is good for, of a run or session; without it any number',
  ),
  self: withDefault(form.boolean(), false, 'an owner of the agent may approve too'),
} satisfies Keys;

/** The keys of a rule under `approve:` of an agent. */
export const approveKeys = {
  names: optional(form.list(patternForm, { maximum: 1_000 }), 'the secrets that must be approved', {
    example: '[stripe.live_key]',
  }),
  flows: optional(form.list(patternForm, { maximum: 1_000 }), 'the flows that must be', { example: '[new-user]' }),
  ...termKeys,
} satisfies Keys;

/** `approve:` of a flow: every run of it must be approved, whichever agent asks. */
export const flowApproveForm = form.object(termKeys);

const passkeyKeys = {
  id: required(base64url, 'its credential id'),
  'public-key': required(base64url, 'its public key (SPKI)'),
  algorithm: required(form.oneOf(...passkeyAlgorithms), 'what it signs with'),
  synced: withDefault(form.boolean(), false, 'it is kept in a cloud, on more than one device'),
  added: optional(form.text(), 'when it was enrolled', { example: '2026-11-29' }),
} satisfies Keys;

/** The keys of a person under `approvers:`. */
export const approverKeys = {
  passkeys: optional(
    form.list(form.object(passkeyKeys), { maximum: 10 }),
    'public keys that prove this person, two at best; written where the link of `flows approvers add` is opened',
  ),
  trust: optional(
    form.list(personTrustForm, { orOne: true, minimum: 1, maximum: 20 }),
    'instead, or beside: an OIDC issuer at which this person signs in to the page, and anew for each answer; what is approved so is signed by the issuer alone',
  ),
  reveal: optional(
    form.list(form.text(), { minimum: 1, maximum: 100, orOne: true }),
    'break-glass flows whose one-time code this person may see on the page, each named in full; without it none',
    { example: '[break-glass]' },
  ),
  'owner-of': optional(
    form.list(form.text(), { maximum: 1_000, orOne: true }),
    'agents that work for this person, who cannot approve for them unless the rule says `self: true`',
    { example: '[codex]' },
  ),
  notify: optional(
    form.list(form.text(), { maximum: 20, orOne: true }),
    'channels of service.yaml by which this person is told of what waits for them',
    { example: '[ops]' },
  ),
} satisfies Keys;
