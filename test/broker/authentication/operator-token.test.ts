import { describe, expect, it } from 'vitest';
import { keptInMemory } from '../../../src/broker/kept/in-memory.ts';
import { createClaimCheck, isClaim, signClaim } from '../../../src/broker/authentication/operator-token.ts';

const [key, former, other] = [1, 2, 3].map((byte) => new Uint8Array(32).fill(byte)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
];
const wanted = 'GET /v1/operator/overview';

function setup() {
  const time = { now: 1_900_000_000_000 };
  const clock = { now: () => time.now, monotonic: () => time.now };
  const check = createClaimCheck({ keys: [key, former], kept: keptInMemory(clock), now: clock.now });
  const sign = (by = key, purpose = wanted) =>
    signClaim(by, { user: 'ann', for: purpose, lifetime: 60, now: time.now }).reveal();
  return { time, check, sign };
}

describe('a claim of the operator', () => {
  it('is taken for the request that it was made for, once', async () => {
    const { check, sign } = setup();
    const claim = sign();
    expect(isClaim(claim)).toBe(true);
    expect(await check(claim, 'POST /v1/operator/overview')).toBeUndefined();
    expect(await check(claim, wanted)).toMatchObject({ user: 'ann', for: wanted, expires: 1_900_000_060 });
    expect(await check(claim, wanted)).toBeUndefined();
  });

  it('may be under the former key, and under no other', async () => {
    const { check, sign } = setup();
    expect(await check(sign(former), wanted)).toBeDefined();
    expect(await check(sign(other), wanted)).toBeUndefined();
  });

  it('ends, and is still known as used until then', async () => {
    const { check, sign, time } = setup();
    const [used, late] = [sign(), sign()];
    await check(used, wanted);
    time.now += 59_999;
    expect(await check(used, wanted)).toBeUndefined();
    time.now += 1;
    expect(await check(late, wanted)).toBeUndefined();
  });

  it('is nothing any more once a byte of it is another', async () => {
    const { check, sign } = setup();
    const claim = sign();
    for (let at = 0; at < claim.length - 1; at += 1) {
      const changed = `${claim.slice(0, at)}${claim[at] === 'A' ? 'B' : 'A'}${claim.slice(at + 1)}`;
      expect(await check(changed, wanted)).toBeUndefined();
    }
    expect(await check(`${claim}.x`, wanted)).toBeUndefined();
    expect(await check('flows-operator_', wanted)).toBeUndefined();
    expect(await check('', wanted)).toBeUndefined();
    expect(await check(claim, wanted)).toBeDefined();
  });
});
