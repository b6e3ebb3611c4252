import { durationForm } from '../../language/duration-form.ts';
import { form, optional, required, withDefault, type Keys } from '../../language/forms.ts';
import { rateForm } from '../../language/rate.ts';
import { approveKeys, approverKeys, approverName } from './approve-keys.ts';
import { patternForm } from './name-pattern.ts';
import { trustForm } from './trust-keys.ts';
import { vaultPathUses } from './vault-paths.ts';

export const agentName = /^[a-z][a-z0-9_-]{0,62}$/;

const hash = form.text({
  pattern: /^sha256:[0-9a-f]{64}$/,
  expects: 'sha256: and 64 hexadecimal digits, in quotes',
  secretive: true,
});
const digits = form.text({ pattern: /^[0-9a-f]{64}$/, expects: '64 hexadecimal digits, in quotes', secretive: true });
const patterns = form.list(patternForm, { maximum: 1_000 });

const tokenKeys = {
  sha256: required(digits, 'the hash of the token'),
  issued: optional(form.text(), 'when it was made: `flows agents rotate` gives the next one as long a life'),
  expires: optional(form.text(), 'when it ends, with its time zone', { example: '2027-01-01T00:00:00Z' }),
} satisfies Keys;

const vaultPathKeys = {
  path: required(
    form.text(),
    'a path as a client of Vault writes it: `op/vaults/VAULT/*`, `op/vaults/VAULT/items`, `op/vaults/VAULT/items/ITEM`; vault and item by title or id, with %2F for a /',
    { example: 'op/vaults/engineering/*' },
  ),
  can: required(
    form.list(form.oneOf(...vaultPathUses), { minimum: 1, maximum: vaultPathUses.length }),
    'what it may do there; a wildcard gives no `create`, `update` or `delete`; `deny`, alone, takes away all that other lines give',
    { example: '[list, read]' },
  ),
} satisfies Keys;

/** The keys of an agent. */
export const agentKeys = {
  tokens: optional(
    form.list(form.union(hash, form.object(tokenKeys)), { maximum: 2 }),
    'SHA-256 of its bearer tokens, two while one is replaced; written by `flows agents add`',
    { example: "['sha256:…']" },
  ),
  trust: optional(
    form.list(trustForm, { orOne: true, minimum: 1, maximum: 20 }),
    'workload identities from outside that prove it: GitHub Actions, Kubernetes, SPIFFE',
  ),
  allow: optional(patterns, 'secrets of registry.yaml that it may read', { example: '[openai.api_key, github.*]' }),
  flows: optional(
    patterns,
    'flows that it may run; a wildcard matches only flows that write nothing; one that writes, or is for break-glass, is named in full',
    { example: '[orders-token]' },
  ),
  'vault-paths': optional(
    form.list(form.object(vaultPathKeys), { maximum: 1_000 }),
    'items of 1Password that it may list, read and write as a client of Vault, below `op/` (`server: { vault-api: {} }`)',
    { example: '[{ path: op/vaults/engineering/*, can: [list, read] }]' },
  ),
  deny: optional(patterns, 'secrets and flows that it may not have, whatever else allows them', {
    example: '[github.admin_token]',
  }),
  approve: optional(
    form.list(form.object(approveKeys), { maximum: 100 }),
    'what of all that a person must approve first; a rule here allows nothing by itself',
    { example: '[{ names: [stripe.live_key], by: [ann, bo], needs: 2 }]' },
  ),
  'max-ttl': optional(durationForm, 'the longest lease of a secret, and the longest remaining life of a token', {
    example: '15m',
  }),
  rate: optional(rateForm, 'the most requests that it may make', { example: '60/minute' }),
  'require-run': optional(
    form.oneOf('proven'),
    'every request must come from an agent run that is proven: by its token, or by `run:` of a `trust:`',
  ),
  'require-reason': withDefault(form.boolean(), false, 'every request must state a reason, which is audited'),
} satisfies Keys;

const words = form.list(form.text(), { maximum: 200 });

/** What `flows hook` keeps to. */
const hookKeys = {
  files: optional(words, 'files that agents do not read, besides `.env` and its like: globs of a name, or of a path', {
    example: "['*.pem', 'secrets/**']",
  }),
  commands: optional(words, 'commands that agents do not run, besides those that show secrets: by their words', {
    example: '[terraform output]',
  }),
  allow: optional(words, 'files and commands that are let through all the same', {
    example: "[.env.test, 'op --version']",
  }),
} satisfies Keys;

/** The keys of policy.yaml. */
export const policyKeys = {
  default: withDefault(form.oneOf('deny'), 'deny', 'what holds where no line allows; there is no other'),
  approvers: optional(
    form.mapping(form.object(approverKeys), { keyPattern: approverName }),
    'the people who approve, by name; `flows approvers add NAME` adds one',
  ),
  agents: optional(form.mapping(form.object(agentKeys), { keyPattern: agentName }), 'the agents by name'),
  hook: optional(form.object(hookKeys), 'what the tools of agents keep to where `flows hook` watches them'),
} satisfies Keys;
