import { compileObject } from '../../language/compile.ts';
import { evaluateKeys, noExpression } from '../../language/evaluate.ts';
import { form, required, withDefault, type InputOf, type Keys } from '../../language/forms.ts';
import { valueAt } from '../../language/compiled-values.ts';
import type { Source } from '../../language/problems.ts';
import type { Node } from '../../language/yaml.ts';
import type { Flow, Schedule } from './flow.ts';

export const scheduleKeys = {
  cron: required(form.text(), 'minute, hour, day of the month, month, day of the week', { example: "'0 3 * * 1'" }),
  'time-zone': required(form.text(), 'whose clock it goes by: a name of the IANA', { example: 'Europe/Berlin' }),
  'catch-up': withDefault(
    form.boolean(),
    false,
    'whether the last of the ticks that were missed is made up for; told are all of them',
  ),
} satisfies Keys;

/** A flow's `schedule:`. What is wrong with its form is reported. */
export function readSchedule(node: Node, source: Source): Schedule | undefined {
  const written = compileObject(node, { kind: 'object', keys: scheduleKeys }, { source, what: '"schedule"', key: 'schedule' });
  if (written === undefined) return undefined;
  const { known } = evaluateKeys(written, { resolve: noExpression, report: source.report });
  const { cron, 'time-zone': timeZone, 'catch-up': catchUp = false } = known as Partial<InputOf<typeof scheduleKeys>>;
  if (cron === undefined || timeZone === undefined) return undefined;
  const at = (key: string) => valueAt(written, key).range;
  return { cron, timeZone, catchUp, ranges: { whole: node.range, cron: at('cron'), timeZone: at('time-zone') } };
}

/** Whether a flow's schedule is one that comes, and the flow can be run without being asked anything. */
export async function checkSchedule({ inputs, schedule, source }: Flow): Promise<void> {
  if (schedule === undefined) return;
  const { ranges } = schedule;
  const asked = inputs.find((input) => input.default === undefined);
  if (asked !== undefined)
    source.report(ranges.whole, `its input "${asked.name}" has no default`, 'a schedule gives no inputs');
  if (!isTimeZone(schedule.timeZone)) {
    source.report(ranges.timeZone, `there is no time zone "${schedule.timeZone}"`, 'write one as Europe/Berlin, or UTC');
    return;
  }
  const { everComes } = await import('./ticks.ts');
  try {
    if (!everComes(schedule.cron)) source.report(ranges.cron, 'such a day never comes');
  } catch {
    const hint = 'five fields: minute, hour, day of the month, month, day of the week, as in 0 3 * * 1';
    source.report(ranges.cron, `"${schedule.cron}" is no schedule`, hint);
  }
}

function isTimeZone(name: string): boolean {
  // the usual names are known without what Node takes ten milliseconds for
  if (Intl.supportedValuesOf('timeZone').includes(name)) return true;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
