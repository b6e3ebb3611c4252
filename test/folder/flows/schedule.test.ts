import { describe, expect, test } from 'vitest';
import { nextTick } from '../../../src/folder/flows/ticks.ts';
import { load, told } from '../folder.ts';

const flow = (schedule: string, rest = '') => `description: d
schedule: ${schedule}
${rest}steps:
  - { id: a, uses: vault/read, with: { reference: op://Agents/a/b } }
`;

test('a schedule is read, with what is not given', async () => {
  const folder = await load({ 'x.yaml': flow("{ cron: '0 3 * * 1', time-zone: Europe/Berlin }") });
  expect(told(folder)).toEqual([]);
  const [schedule, window] = [folder.flows.get('x')?.schedule, folder.flows.get('x')?.outputWindow];
  expect([schedule, window]).toMatchObject([{ cron: '0 3 * * 1', timeZone: 'Europe/Berlin', catchUp: false }, 900]);
});

test.each([
  ['six fields', "{ cron: '0 0 3 * * 1', time-zone: UTC }", 'x.yaml:2:19 "0 0 3 * * 1" is no schedule'],
  ['a minute that is none', "{ cron: '61 3 * * *', time-zone: UTC }", 'x.yaml:2:19 "61 3 * * *" is no schedule'],
  ['a day that never comes', "{ cron: '0 3 31 2 *', time-zone: UTC }", 'x.yaml:2:19 such a day never comes'],
  ['a zone that is none', "{ cron: '0 3 * * *', time-zone: Europe/Berln }", 'x.yaml:2:43 there is no time zone "Europe/Berln"'],
  ['no zone', "{ cron: '0 3 * * *' }", 'x.yaml:2:13 "time-zone" is missing in "schedule"'],
  ['an expression', "{ cron: '${{ vars.x }}', time-zone: UTC }", 'x.yaml:2:20 expressions are not taken here'],
  ['another key', "{ cron: '0 3 * * *', time-zone: UTC, at: noon }", expect.stringMatching(/^x\.yaml:2:48 /)],
])('a schedule with %s is refused with its place', async (_, schedule, line) => {
  expect(told(await load({ 'x.yaml': flow(schedule) }))).toEqual([line]);
});

test.each(['UTC', 'Europe/Berlin', 'US/Eastern', 'asia/tokyo'])('%s is a time zone', async (zone) => {
  expect(told(await load({ 'x.yaml': flow(`{ cron: '0 3 * * *', time-zone: ${zone} }`) }))).toEqual([]);
});

test('a flow that must be asked something has no schedule', async () => {
  const folder = await load({
    'x.yaml': flow("{ cron: '0 3 * * *', time-zone: UTC }", 'inputs: { who: string, how: { type: string, default: so } }\n'),
  });
  expect(told(folder)).toEqual(['x.yaml:2:11 its input "who" has no default']);
});

test('an output window is a length of time', async () => {
  const window = (text: string) => load({ 'x.yaml': flow("{ cron: '0 3 * * *', time-zone: UTC }", `output-window: ${text}\n`) });
  expect((await window('2h')).flows.get('x')?.outputWindow).toBe(7_200);
  expect(told(await window('soon'))).toEqual(['x.yaml:3:16 "output-window" takes a length of time']);
});

describe('ticks', () => {
  const berlin = (cron: string) => ({ cron, timeZone: 'Europe/Berlin' });
  const after = (cron: string, from: string, count: number) => {
    const found: string[] = [];
    let at = Date.parse(from);
    for (let index = 0; index < count; index += 1) {
      at = nextTick(berlin(cron), at) ?? Number.NaN;
      found.push(new Date(at).toISOString().slice(0, 16));
    }
    return found;
  };

  test('go by the clock of their zone, in summer and in winter', () => {
    expect(after('0 3 * * 1', '2026-03-21T00:00:00Z', 3)).toEqual(['2026-03-23T02:00', '2026-03-30T01:00', '2026-04-06T01:00']);
  });

  test('a time that the change to summer time leaves out comes when the clock has jumped', () => {
    expect(after('30 2 * * *', '2026-03-28T12:00:00Z', 2)).toEqual(['2026-03-29T01:00', '2026-03-30T00:30']);
  });

  test('a time that comes twice in autumn counts once, and each hour of every hour', () => {
    expect(after('30 2 * * *', '2026-10-24T12:00:00Z', 2)).toEqual(['2026-10-25T00:30', '2026-10-26T01:30']);
    expect(after('0 * * * *', '2026-10-24T23:30:00Z', 3)).toEqual(['2026-10-25T00:00', '2026-10-25T01:00', '2026-10-25T02:00']);
  });
});
