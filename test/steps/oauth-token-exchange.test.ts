import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type App, openApp } from '../../src/app/open-app.ts';
import { takeEnvironment } from '../../src/foundation/environment-variables.ts';
import type { RunEvent } from '../../src/engine/run-events.ts';
import { localAgent } from '../../src/foundation/local-user.ts';
import { Reference } from '../../src/foundation/reference.ts';
import type { RunningStack } from '../../src/laptop/start-stack.ts';
import { oauthRevoke } from '../../src/steps/oauth-revoke.ts';
import { oauthTokenExchange } from '../../src/steps/oauth-token-exchange.ts';
import { createHome } from '../e2e/home.ts';

const clientOf = (name: string) =>
  `issuer: "\${{ issuers.main }}", client-id: op://Agents/${name}/username, client-secret: op://Agents/${name}/credential`;
const step = (id: string, uses: string, client: string, more = '') =>
  `  - { id: ${id}, uses: oauth/${uses}, with: { ${clientOf(client)}${more} } }\n`;
const user = step('user', 'client-credentials', 'User', ', audience: https://broker.example');
const agent = step('agent', 'client-credentials', 'Agent', ', audience: https://broker.example');
const exchange = (more = '') =>
  step(
    'orders',
    'token-exchange',
    'Broker',
    `, subject-token: "\${{ steps.user }}", audience: https://orders.example${more}`,
  );
const verify =
  '  - { id: seen, uses: jwt/verify, with: { token: "${{ steps.orders }}", issuer: "${{ issuers.main }}", audience: https://orders.example } }\n';

const home = createHome(false);
const dir = join(home.work, 'flows');
let stack: RunningStack;
let app: App;
beforeAll(async () => {
  const flows: Readonly<Record<string, string>> = {
    'as-user': `description: x\nsteps:\n${user}${exchange()}output: \${{ steps.orders }}\n`,
    delegated: `description: x\nsteps:\n${user}${agent}${exchange(', actor-token: "${{ steps.agent }}"')}${verify}output: { act: "\${{ steps.orders.act }}", type: "\${{ steps.orders.issued-token-type }}", claims: "\${{ steps.seen.claims }}" }\n`,
    ended: `description: x\nsteps:\n${user}${step('end', 'revoke', 'User', ', token: "${{ steps.user }}"')}`,
    only: `description: x\nsteps:\n${user}output: \${{ steps.user }}\n`,
  };
  for (const [name, text] of Object.entries(flows)) home.write(`flows/${name}.yaml`, text);
  home.write('flows/service.yaml', 'default-environment: development\nenvironments:\n  development: {}\n');
  home.write('flows/development.yaml', 'attribution: { claim: https://orders.example/agent, parameter: agent }\n');
  home.write('flows/policy.yaml', 'agents:\n  codex: { flows: [as-user] }\n  other: { flows: [as-user] }\n');
  stack = await home.stack();
  app = await openApp({ dir, taken: takeEnvironment({}) });
  const [problem] = app.folder.problems;
  if (problem !== undefined) throw new TypeError(problem.message);
});
afterAll(async () => {
  await app.close();
  await home.close();
});

async function run(name: string, more: Parameters<App['run']>[2] = {}) {
  const output = await app.run(app.flow(name), {}, more);
  if (output.kind === 'scalar' && output.value.as === 'token') return { token: output.value.token, plain: {} };
  const entries = output.kind === 'mapping' ? output.entries : [];
  return { token: undefined, plain: Object.fromEntries(entries.map(([key, each]) => [key, Object(each).value])) };
}
const requests = () => stack.identityProvider.requests().token;

describe('a token for a token', () => {
  it('says who acts for whom, and is verified by its keys like any other', async () => {
    const { plain } = await run('delegated');
    const ids = (await Promise.all(['User', 'Agent', 'Broker'].map((name) => app.read(reference(name))))).map((each) =>
      each.reveal(),
    );
    expect(plain).toMatchObject({
      act: { sub: ids[1] },
      type: 'urn:ietf:params:oauth:token-type:access_token',
      claims: { sub: ids[0], client_id: ids[2], act: { sub: ids[1] }, 'https://orders.example/agent': localAgent() },
    });
  });

  it('is kept as long as its subject’s token is the same, for each agent apart, and no event has a token', async () => {
    const events: RunEvent[] = [];
    const before = requests();
    const ask = async (agent: string) =>
      (await run('as-user', { agent, onEvent: (event) => void events.push(event) })).token?.accessToken;
    const [first, other] = [await ask('codex'), await ask('other')];
    expect(requests()).toBe(before + 4);
    const again = [await ask('codex'), await ask('other'), await ask('codex')];
    expect(again.map((token) => token?.hash())).toEqual([first?.hash(), other?.hash(), first?.hash()]);
    expect(first?.hash()).not.toBe(other?.hash());
    expect(requests()).toBe(before + 4);
    expect(JSON.stringify(events)).not.toMatch(/eyJ|sha256/);
  });

  it('is not given in the name of an agent that policy does not know', async () => {
    await expect(run('as-user', { agent: 'mallory' })).rejects.toMatchObject({ code: 'denied' });
  });
});

describe('a token that is revoked', () => {
  it('is given to nobody from memory, as often as the flow runs', async () => {
    const heard: string[] = [];
    const stop = app.onRevoked((hash) => void heard.push(hash));
    const { token: first } = await run('only');
    expect((await app.plan(app.flow('ended'), {})).steps.at(-1)?.changes).toEqual([
      { action: 'revoke', what: `a token at ${stack.addresses.issuer}` },
    ]);
    await run('ended');
    expect(heard).toEqual([first?.accessToken.hash()]);
    const { token: second } = await run('only');
    expect(second?.accessToken.hash()).not.toBe(first?.accessToken.hash());
    await run('ended');
    stop();
    await run('ended');
    expect(heard).toHaveLength(2);
  });

  it('gives its client no right to other audiences on the laptop', async () => {
    const body = new URLSearchParams({
      grant_type: 'client_credentials',
      audience: 'https://else.example',
      client_id: (await app.read(reference('User'))).reveal(),
      client_secret: (await app.read(reference('User').sibling('credential'))).reveal(),
    });
    const response = await fetch(`${stack.addresses.issuer}/token`, { method: 'POST', body });
    expect(await response.json()).toMatchObject({ error: 'invalid_target' });
  });
});

describe('what is wrong with the files', () => {
  const attribution = { claim: 'https://orders.example/agent', parameter: 'agent' };
  const connected = {
    rulesOf: () => undefined,
    attributionOf: () => attribution,
    lacking: () => undefined,
    apiOf: () => undefined,
    varies: () => false,
  };
  const secret = { 'client-secret': [] };
  it.each([
    ['an actor’s type without an actor', { ...secret, 'actor-token-type': 'jwt' }, ['actor-token-type']],
    ['no credential', {}, ['client-id']],
    ['the parameter that names the agent', { ...secret, parameters: { agent: 'x' } }, ['parameters']],
    ['a parameter of the grant', { ...secret, parameters: { subject_token: 'x' } }, ['parameters']],
    ['an opaque token where agents are to be told apart', { ...secret, 'token-format': 'opaque' }, ['token-format']],
  ])('%s is told at check', (_, input, keys) => {
    const problems = oauthTokenExchange.check?.(input, new Set(Object.keys(input)), connected) ?? [];
    expect(problems.map(({ key }) => key)).toEqual(keys);
    expect(problems.every(({ hint }) => hint !== undefined)).toBe(true);
  });

  it('a revocation without a credential is told at check', () => {
    expect(oauthRevoke.check?.({}, new Set(), connected).map(({ key }) => key)).toEqual(['client-id']);
  });
});

function reference(item: string) {
  return Reference.of({ vault: 'Agents', item, field: 'username' });
}
