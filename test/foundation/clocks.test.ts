import { describe, expect, it } from 'vitest';
import { awake, systemClock } from '../../src/foundation/clocks.ts';
import { createClock } from '../broker/arrange.ts';

describe('the clock of leases', () => {
  it('goes on while the machine sleeps, and never back', () => {
    const clock = createClock();
    const { monotonic } = awake(clock);
    const start = monotonic();
    const passed = () => (monotonic() - start) / 1_000;
    clock.pass(10);
    expect(passed()).toBe(10);
    clock.setWall(3_600);
    expect(passed()).toBe(3_610);
    clock.setWall(-7_200);
    expect(passed()).toBe(3_610);
    clock.pass(5);
    expect(passed()).toBe(3_615);
    clock.setWall(60);
    expect(passed()).toBe(3_675);
  });

  it('does not mind a wall clock that is adjusted a little, for days', () => {
    const clock = createClock();
    const { monotonic } = awake(clock);
    const start = monotonic();
    for (let hour = 0; hour < 100; hour += 1) {
      for (let wobble = 0; wobble < 50; wobble += 1) {
        clock.setWall(wobble % 2 === 0 ? 0.4 : -0.4);
        monotonic();
      }
      clock.pass(3_600);
    }
    expect((monotonic() - start) / 1_000).toBe(360_000);
  });

  it('may be an object of a class', () => {
    class HandClock {
      time = 5_000;
      now(): number {
        return this.time;
      }
      monotonic(): number {
        return this.time;
      }
    }
    const hand = new HandClock();
    const clock = awake(hand);
    hand.time += 7;
    expect([clock.now(), clock.monotonic()]).toEqual([5_007, 5_007]);
  });

  it('of the system calls back later, unless that is taken back, and for however long', async () => {
    const called: string[] = [];
    const never = systemClock.after(5, () => called.push('never'));
    systemClock.after(2 ** 40, () => called.push('far too early'))();
    const far = systemClock.after(2 ** 40, () => called.push('far too early'));
    never();
    await new Promise<void>((done) => {
      systemClock.after(10, () => {
        called.push('later');
        done();
      });
      // a timer of the clock keeps no process alive, and no test either
      setTimeout(() => undefined, 1_000).unref();
    });
    far();
    expect(called).toEqual(['later']);
    expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(1_000);
  });
});
