import { describe, expect, test } from 'vitest';
import type { ProvenRun } from '../../src/broker/contract.ts';
import { arrange, as, codex, policy, refusalOf } from './arrange.ts';

const environment = 'description: What Orders runs with\noutput: { KEY: op://Agents/OpenAI/credential }\n';
const files = {
  'orders-env.yaml': environment,
  'policy.yaml': `${policy.replace('read-one,', 'read-one, orders-env,')}hook: { files: ['*.pem'], allow: [op --version] }\n`,
};
const value = 'canary op://Agents/OpenAI/credential v1';
const names = (inspection: { readonly found: readonly { readonly name: string }[] }) =>
  inspection.found.map(({ name }) => name);

describe('what an agent’s texts hold', () => {
  test('is told where it was given to this agent: a secret, a token, what is secret in a flow’s output', async () => {
    const { broker, trail } = await arrange({ files });
    expect(names(await broker.inspect(codex, [value]))).toEqual([]);
    await broker.secrets(codex, ['openai.api_key']);
    const { access_token } = await broker.token(codex, 'orders-token', {});
    const { output } = await broker.run(codex, 'read-one', {});
    const texts = [`a ${value}`, 'nothing', `${access_token} ${String(output)}`];
    const { found } = await broker.inspect(codex, texts);
    expect(found).toEqual([
      { text: 0, name: 'openai.api_key', kind: 'secret', from: 2, to: 2 + value.length },
      { text: 2, name: 'orders-token', kind: 'flow', from: 0, to: access_token.length },
      { text: 2, name: 'read-one', kind: 'flow', from: access_token.length + 1, to: texts[2]?.length },
    ]);
    expect(trail.last()).toMatchObject({
      action: 'hook.inspect',
      what: [],
      outcome: 'allowed',
      detail: 'found: openai.api_key, orders-token, read-one',
    });
    expect(JSON.stringify(trail.events)).not.toContain(value);
  });

  test('is told where it came from memory too, and after its lease has ended', async () => {
    const { broker, clock } = await arrange({ files });
    await broker.secrets(codex, ['openai.api_key']);
    const other = as('other');
    await broker.cachedSecrets(other, ['openai.api_key'])?.recorded;
    clock.pass(24 * 3_600);
    expect(names(await broker.inspect(other, [value]))).toEqual(['openai.api_key']);
  });

  test('is no oracle: nothing is told of what others were given, or of names that a run may not have', async () => {
    const { broker } = await arrange({ files });
    await broker.secrets(codex, ['openai.api_key']);
    expect(names(await broker.inspect(as('other'), [value]))).toEqual([]);
    const run = (allow: readonly string[]): ProvenRun => ({
      run: 'run-1',
      root: 'run-1',
      chain: [{ run: 'run-1', agent: 'codex', allow }],
      expires: Infinity,
      ended: () => false,
      goesOn: async () => true,
    });
    expect(names(await broker.inspect({ ...codex, agentRun: run(['github.*']) }, [value]))).toEqual([]);
    expect(names(await broker.inspect({ ...codex, agentRun: run(['openai.*']) }, [value]))).toEqual(['openai.api_key']);
  });

  test('is told as often as the agent may ask, and waits for the disk where it holds something', async () => {
    const { broker, trail } = await arrange({ files });
    const quick = as('quick');
    await broker.secrets(quick, ['openai.api_key']);
    await broker.inspect(quick, ['nothing']);
    await broker.inspect(quick, [value]);
    expect(trail.weights).toEqual([undefined, 'repeat', undefined]);
    expect(await refusalOf(broker.inspect(quick, [value]))).toMatchObject({ code: 'rate-limited' });
  });
});

test('it comes with the rules of policy.yaml, as they are now, and with the environments that it may use', async () => {
  const { broker, rewrite } = await arrange({ files });
  expect(await broker.inspect(codex, [])).toEqual({
    found: [],
    rules: { files: ['*.pem'], commands: [], allow: ['op --version'] },
    environments: ['orders-env'],
  });
  rewrite({ policy });
  expect(await broker.inspect(codex, [])).toMatchObject({ rules: { files: [] }, environments: [] });
});
