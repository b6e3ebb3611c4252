import { oneLine } from '../../../foundation/errors.ts';
import type { Plan } from '../../../engine/plan.ts';
import { changeActions } from '../../../steps/contract.ts';
import { columns, counted, type Paint } from '../terminal.ts';

/** How many unchanged things are listed one by one. */
const mostUnchanged = 10;

/** A plan as a person reads it. */
export function planText(plan: Plan, paint: Paint): string {
  const rows: string[][] = [];
  for (const { step, effect, changes } of plan.steps) {
    if (effect === 'none') continue;
    if (changes === 'known after run') {
      rows.push([`${paint('cyan', '?')} ${step}`, 'known after run']);
      continue;
    }
    const unchanged = changes.filter(({ action }) => action === 'none');
    const quiet = unchanged.length > mostUnchanged;
    for (const { action, what, detail } of changes) {
      if (quiet && action === 'none') continue;
      const { sign, word, style } = changeActions[action];
      rows.push([
        `${paint(style, sign)} ${step}`,
        // names of things that others made: they must not write another plan onto the terminal
        oneLine(`${word}: ${what}${detail === undefined ? '' : ` (${detail})`}`),
      ]);
    }
    if (quiet) rows.push([`${paint('dim', '=')} ${step}`, `no change: ${unchanged.length} others`]);
  }
  return `${heading(plan)}\n${columns(rows)}`;
}

function heading(plan: Plan): string {
  const changes = plan.steps.flatMap((step) => (step.changes === 'known after run' ? [] : step.changes));
  const conflicts = changes.filter(({ action }) => action === 'conflict').length;
  const count = changes.filter(({ action }) => action !== 'none' && action !== 'conflict').length;
  const later = plan.steps.filter((step) => step.changes === 'known after run' && step.effect === 'write').length;
  if (conflicts > 0)
    return `${plan.flow}: ${counted(conflicts, 'conflict')}, nothing can be changed before they are settled`;
  if (!plan.wouldChange) return `${plan.flow}: nothing would change`;
  const rest = later === 0 ? '' : `, ${counted(later, 'step')} known after run`;
  return `${plan.flow}: ${counted(count, 'change')}${rest}`;
}
