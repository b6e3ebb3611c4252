import { expect, test } from 'vitest';
import { createAuthenticator } from '../../../src/broker/authentication/authenticate.ts';
import { bearerHash, createBearer } from '../../../src/broker/authentication/bearer-token.ts';
import { withGuest } from '../../../src/broker/authentication/guest-token.ts';
import { FlowError } from '../../../src/foundation/errors.ts';
import type { Policy } from '../../../src/folder/policy/policy.ts';
import { Secret } from '../../../src/foundation/secret.ts';
import { agentsOf } from './policies.ts';

const [own, token] = [createBearer(), createBearer()];

function policyOf(agent: string, of: Secret): Policy {
  return agentsOf({ [agent]: { tokens: [{ sha256: bearerHash(of.reveal()) ?? '', expires: undefined }] } });
}

function proving(policy: () => Policy) {
  const guest = withGuest(policy, { agent: 'codex', token });
  const { bearer } = createAuthenticator({ policy: guest, now: Date.now, development: true });
  return (secret: Secret) => bearer(secret.reveal())?.agent;
}

test('a guest is its agent, beside the tokens of policy.yaml, for as long as policy.yaml has the agent', () => {
  let policy = policyOf('codex', own);
  const agentOf = proving(() => policy);
  expect([agentOf(token), agentOf(own), agentOf(createBearer())]).toEqual(['codex', 'codex', undefined]);
  policy = policyOf('other', own);
  expect([agentOf(token), agentOf(own)]).toEqual([undefined, 'other']);
  policy = policyOf('codex', createBearer());
  expect([agentOf(token), agentOf(own)]).toEqual(['codex', undefined]);
});

test('the policy stays the same object for as long as it is the same', () => {
  const policy = policyOf('codex', own);
  const guest = withGuest(() => policy, { agent: 'codex', token });
  expect(guest()).toBe(guest());
  expect(policy.agents.get('codex')?.tokens).toHaveLength(1);
});

test('a guest’s passkey is that of its approver, marked as a software key, for as long as policy.yaml has the approver', () => {
  const passkey = {
    id: 'k',
    publicKey: 'p',
    algorithm: 'ES256',
    synced: false,
    added: undefined,
    software: true,
  } as const;
  const ann = { name: 'ann', passkeys: [], trust: [], ownerOf: [], notify: [] };
  const passkeysOf = (policy: Policy) =>
    [...(withGuest(() => policy, { agent: 'codex', token, approver: { name: 'ann', passkey } })().approvers ?? [])].map(
      ([name, { passkeys }]) => [name, passkeys],
    );
  expect(passkeysOf({ ...agentsOf({}), approvers: new Map([['ann', ann]]) })).toEqual([['ann', [passkey]]]);
  expect(passkeysOf({ ...agentsOf({}), approvers: new Map([['bo', { ...ann, name: 'bo' }]]) })).toEqual([['bo', []]]);
  expect(passkeysOf(agentsOf({}))).toEqual([]);
});

test('what is no token is no guest', () => {
  expect(() => withGuest(() => agentsOf({}), { agent: 'codex', token: new Secret('flows_short') })).toThrow(FlowError);
});
