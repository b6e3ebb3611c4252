import { expect, test } from 'vitest';
import type { AuditEvent } from '../../../src/audit/contract.ts';
import { BrokerRefusal } from '../../../src/broker/refusal.ts';
import type { VaultApiOptions } from '../../../src/surfaces/vault-api/contract.ts';
import { createWrapping } from '../../../src/surfaces/vault-api/wrapping.ts';
import { createClock } from '../../broker/arrange.ts';

const caller = { agent: 'codex', by: 'token', request: 'r-1', address: '127.0.0.1' } as const;
const by = { agent: 'unknown', request: 'r-2', address: '127.0.0.1' };

/** Answers to wrap, a trail that can be written or not, and a policy that can take a name away. */
function start() {
  const clock = createClock();
  const trail: AuditEvent[] = [];
  const trouble = { trail: false, policy: false };
  const access: VaultApiOptions['broker']['access'] = () => Promise.resolve({ allowed: !trouble.policy });
  const wrapping = createWrapping({
    broker: { access } as VaultApiOptions['broker'],
    clock,
    async record(event) {
      if (trouble.trail) throw new BrokerRefusal('audit-unavailable');
      trail.push(event);
    },
  });
  const wrap = async (seconds = 60) => {
    const reply = { status: 200, body: { data: 'x' }, kept: { ends: clock.now() + 3_600_000, names: ['a.key'] } };
    const { body } = await wrapping.wrap(reply, caller, seconds);
    return (body as { readonly wrap_info: { readonly token: string } }).wrap_info.token;
  };
  const unwrap = async (token: string) =>
    wrapping.unwrap(token, by).then(
      ({ body }) => body,
      (error: unknown) => (error instanceof BrokerRefusal ? error.code : 'gone'),
    );
  return { clock, trail, trouble, wrap, unwrap };
}

test.each([
  ['cannot be written down', 'trail', 'audit-unavailable'],
  ['is refused', 'policy', 'not-allowed'],
] as const)(
  'an answer whose unwrapping %s is kept, for as long as it lasts, and is given once after that',
  async (_, what, code) => {
    const { clock, trail, trouble, wrap, unwrap } = start();
    const token = await wrap();
    trouble[what] = true;
    expect([await unwrap(token), await unwrap(token)]).toEqual([code, code]);
    trouble[what] = false;
    expect([await unwrap(token), await unwrap(token)]).toEqual([{ data: 'x' }, 'gone']);
    expect(trail.map(({ action }) => action)).toEqual(['vault.wrapped', 'vault.unwrapped']);
    const late = await wrap(60);
    trouble[what] = true;
    expect(await unwrap(late)).toBe(code);
    trouble[what] = false;
    clock.pass(60);
    expect(await unwrap(late)).toBe('gone');
  },
);

test('what was kept, given or over makes room for another of the same agent, once', async () => {
  const { clock, trouble, wrap, unwrap } = start();
  const tokens = [];
  for (let index = 0; index < 100; index += 1) tokens.push(await wrap());
  await expect(wrap()).rejects.toMatchObject({ code: 'rate-limited' });
  trouble.trail = true;
  await unwrap(tokens[0] ?? '');
  trouble.trail = false;
  await expect(wrap()).rejects.toMatchObject({ code: 'rate-limited' });
  await unwrap(tokens[0] ?? '');
  await wrap();
  await expect(wrap()).rejects.toMatchObject({ code: 'rate-limited' });
  clock.pass(60);
  for (let index = 0; index < 100; index += 1) await wrap();
  await expect(wrap()).rejects.toMatchObject({ code: 'rate-limited' });
});
