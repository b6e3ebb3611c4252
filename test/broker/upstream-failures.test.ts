import { expect, it } from 'vitest';
import { createUpstreamFailures, failureText, type UpstreamFailure } from '../../src/broker/upstream-failures.ts';
import { FlowError } from '../../src/foundation/errors.ts';
import { arrange, codex, createClock, refusalOf } from './arrange.ts';

const about = (request: string, flow = 'orders-token') => ({ request, agent: 'codex', what: [flow] });
const denied = (trace: number) =>
  new FlowError('denied', `AADSTS7000222: expired, trace ${trace}`, { place: { step: 'token' } });

function arrangeTold() {
  const clock = createClock();
  const told: UpstreamFailure[] = [];
  return { clock, told, failures: createUpstreamFailures((failure) => void told.push(failure), clock) };
}

it('tells a failure at once, those like it once a minute and counted, and then anew', () => {
  const { clock, told, failures } = arrangeTold();
  for (let each = 1; each <= 500; each += 1) failures.told(about(`r-${each}`), denied(each));
  expect(told.map(({ request, repeated }) => [request, repeated])).toEqual([['r-1', undefined]]);
  clock.pass(60);
  expect(told.at(-1)).toMatchObject({ request: 'r-500', repeated: 499, line: expect.stringContaining('trace 500') });
  failures.told(about('r-501'), denied(501));
  clock.pass(60);
  expect(told.at(-1)).toMatchObject({ request: 'r-501', repeated: 1 });
  // a minute without any ends it
  clock.pass(120);
  failures.told(about('r-502'), denied(502));
  expect(told.at(-1)).toMatchObject({ request: 'r-502' });
  expect(told.at(-1)?.repeated).toBeUndefined();
  expect(told).toHaveLength(4);
  expect(failures.counts()).toEqual({ denied: 502 });
});

it.each([
  ['another flow', about('r-2', 'other-token'), denied(1)],
  ['another code', about('r-2'), new FlowError('timeout', 'x', { place: { step: 'token' } })],
  ['another step', about('r-2'), denied(1).with({ place: { step: 'proof' } })],
  ['another reference', about('r-2'), denied(1).at({ subject: 'op://a/b/c' })],
])('tells %s by itself', (_, second, error) => {
  const { told, failures } = arrangeTold();
  failures.told(about('r-1'), denied(1));
  failures.told(second, error);
  expect(told.map(({ request }) => request)).toEqual(['r-1', 'r-2']);
});

it('makes no more lines for whoever makes up names', () => {
  const { told, failures } = arrangeTold();
  for (let each = 0; each < 10_000; each += 1) failures.told(about('r', `flow-${each}`), denied(each));
  expect(told.length).toBeLessThan(300);
  expect(failures.counts()).toEqual({ denied: 10_000 });
});

it('is one line for a person', () => {
  const { told, failures } = arrangeTold();
  failures.told(about('r-1'), denied(1).at({ flow: 'orders-token' }));
  failures.told({ what: ['orders-token'] }, new FlowError('timeout', 'slow\u001b[31m\nserver'));
  expect(told.map(failureText)).toEqual([
    'request r-1, agent "codex", orders-token, denied: flow "orders-token", step "token": AADSTS7000222: expired, trace 1',
    'renewal, orders-token, timeout: slow [31m server',
  ]);
});

it('an issuer that refuses is told with the request, on the trail, and never to the agent', async () => {
  const { broker, issuer, trail, told } = await arrange();
  issuer.down = new FlowError('denied', 'the secret has expired', { hint: 'ask Ada' });
  const refused = await refusalOf(broker.token(codex, 'orders-token', {}));
  const line = 'flow "orders-token", step "token": the secret has expired (ask Ada)';
  expect(told).toEqual([{ request: 'r-1', agent: 'codex', what: ['orders-token'], code: 'denied', line }]);
  expect(trail.last()).toMatchObject({ detail: 'denied' });
  expect(JSON.stringify(refused)).not.toMatch(/expired|Ada/);
  expect((await broker.stats()).failures).toEqual({ denied: 1 });
});

it('a vault that fails several names is told with each, by its reference', async () => {
  const { broker, vault, trail, told } = await arrange();
  for (const name of ['token', 'write token'])
    vault.broken.set(`op://Agents/GitHub/${name}`, new FlowError('not-found', `item has no field "${name}"`));
  await refusalOf(broker.secrets(codex, ['openai.api_key', 'github.token', 'github.write_token']));
  expect(told.map(({ code, line }) => [code, line])).toEqual([
    ['not-found', expect.stringContaining('op://Agents/GitHub/token: item has no field "token"')],
    ['not-found', expect.stringContaining('op://Agents/GitHub/write token: item has no field "write token"')],
  ]);
  expect(trail.last()?.detail).toBe('github.token: not-found, github.write_token: not-found');
  expect(JSON.stringify(told)).not.toContain('canary');
});

it('a token that cannot be renewed is told while the old one is given, by its flow and step', async () => {
  const { broker, issuer, clock, told } = await arrange();
  await broker.token(codex, 'orders-token', {});
  issuer.down = new FlowError('timeout', 'the issuer did not answer');
  clock.pass(550);
  expect(await broker.token(codex, 'orders-token', {})).toMatchObject({ access_token: 'canary-token-1' });
  await new Promise((resolve) => setImmediate(resolve));
  const line = 'flow "orders-token", step "token": the issuer did not answer';
  expect(told).toEqual([{ what: ['orders-token'], code: 'timeout', line }]);
});

it('what policy refuses is no failure of a service', async () => {
  const { broker, told, trail } = await arrange();
  await refusalOf(broker.token(codex, 'nothing', {}));
  expect(told).toEqual([]);
  expect(trail.last()?.outcome).toBe('denied');
});
