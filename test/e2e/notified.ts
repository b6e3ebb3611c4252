import { Webhook } from 'standardwebhooks';
import type { RunningStack } from '../../src/laptop/start-stack.ts';
import type { Received } from '../adapters/channels/receiver.ts';
import type { Home } from './home.ts';

/** Gives a home's shipped flows a channel `ops`, and a break-glass flow that tells it. @param url of who is told */
export function writeChannel(home: Home, url: string): void {
  home.write(
    'flows/service.yaml',
    `default-environment: development
environments:
  development:
    vars: { break-glass: break-glass@example.com, break-glass-second: break-glass-2@example.com, prefix: dev }
    notify: { ops: { type: webhook, url: '${url}', secret: op://Agents/ops webhook/password } }
  production:
    vars: { break-glass: break-glass@example.com, break-glass-second: break-glass-2@example.com, prefix: prod }
    key: op://Agents/auth-chain key/password
    vault: { type: onepassword, token: { file: /run/credentials/agents } }
    issuers: { main: { url: https://login.example.com/realms/main } }
    identity-providers:
      main:
        type: scim
        url: https://login.example.com/realms/main/scim/v2
        token-flow: scim-token
        sign-in: { issuer: main, client-id: flows-sign-in, redirect-uri: https://login.example.com/flows/callback, pages: keycloak }
      realm: { type: keycloak, url: https://login.example.com/realms/main, token-flow: realm-token, proof: { client-id: flows-proof } }
    stores: { aws: { type: aws-secrets-manager, region: eu-west-1, account: '123456789012' } }
    apis: { orders: { url: https://orders.example, methods: [POST], paths: [/orders], token: bearer } }
    notify:
      ops: { type: webhook, url: https://hooks.example/flows, secret: op://Agents/ops webhook/password }
      team: { type: slack, webhook: op://Agents/Slack/url }
      phone: { type: ntfy, url: https://ntfy.sh, topic: op://Agents/ntfy/topic }
`,
  );
  home.write(
    'flows/break-glass.yaml',
    `description: The way in
break-glass: { notify: [ops] }
steps:
  - { id: password, uses: vault/read, with: { reference: op://Accounts/Break Glass/password } }
  - { id: code, uses: totp/code, with: { reference: op://Accounts/Break Glass/one-time password } }
output: { password: '\${{ steps.password }}', one-time-code: '\${{ steps.code }}' }
`,
  );
}

/** What a post says, once its signature was verified with the secret in the laptop's vault. */
export function verified(stack: RunningStack, post: Received | undefined): unknown {
  const item = stack.vault.dump().find(({ title }) => title === 'ops webhook');
  const secret = item?.fields.find(({ label }) => label === 'password')?.value ?? '';
  const headers = Object.entries(post?.headers ?? {}).map(([name, value]) => [name, String(value)]);
  return new Webhook(secret).verify(post?.body ?? '', Object.fromEntries(headers));
}
