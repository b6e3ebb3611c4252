import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { BrokerRefusal } from '../../../src/broker/refusal.ts';
import { amountOf } from '../../long/amounts.ts';
import { approving, codex, inRun } from './stand.ts';

const names = ['openai.api_key', 'github.token', 'github.write_token'] as const;
const rules = {
  call: { names: ['**'], by: ['ann', 'bo'], expires: '5m' },
  both: { names: ['**'], by: ['ann', 'bo'], needs: 2, expires: '5m' },
  run: { names: ['**'], by: ['ann', 'bo'], scope: 'run', uses: 2, expires: '5m' },
} as const;
/** What people mean it for: asked, answered, brought. */
const story = fc
  .record({ ask: fc.constantFrom(...names), run: fc.constantFrom(undefined, 'a') })
  .map(({ ask, run }) => [
    { ask, run, bring: 0 },
    { answer: 'ann' as const, yes: true, at: 0 },
    { answer: 'bo' as const, yes: true, at: 0 },
    { ask, run, bring: 1 },
  ]);
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ ask: fc.constantFrom(...names), run: fc.constantFrom(undefined, 'a'), bring: fc.nat(2) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      answer: fc.constantFrom('ann', 'bo'),
      yes: fc.constantFrom(true, true, true, false),
      at: fc.nat(1),
    }),
  },
  { weight: 1, arbitrary: fc.record({ rule: fc.constantFrom('call' as const, 'both' as const, 'run' as const) }) },
  { weight: 1, arbitrary: fc.record({ moved: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ pass: fc.constantFrom(30, 301, 700) }) },
  {
    weight: 1,
    arbitrary: fc.record({ end: fc.constantFrom('cancelled' as const, 'revoked' as const), at: fc.nat(4) }),
  },
);
const registry = (moved: boolean) =>
  `secrets:\n${names.map((name) => `  ${name}: { reference: op://Agents/${moved ? 'Moved' : name}/credential }\n`).join('')}`;

it('gives nothing without a yes that was for the very same, is still good, and was not used up', async () => {
  let [given, tried] = [0, 0];
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.oneof(
          step.map((each) => [each]),
          story,
        ),
        { minLength: 8, maxLength: 20 },
      ),
      async (steps) => {
        let rule: keyof typeof rules = 'call';
        let moved = false;
        const { broker, clock, ledger, answer, rewriteRules, rewrite } = await approving(rules[rule]);
        rewrite({ registry: registry(moved) });
        const opened: string[] = [];
        const breaches: string[] = [];
        /** what was approved: under which rule, for which names and references, by whom, until when, how often it was used */
        const known = new Map<string, { as: string; yes: Set<string>; no: boolean; until: number; used: number }>();
        const situation = (run: string | undefined) =>
          `${rule} ${moved} ${rule === 'run' && run !== undefined ? run : ''}`;
        for (const each of steps.flat()) {
          if ('ask' in each) {
            tried += 1;
            const { bring = 0 } = each;
            const brought = bring === 0 ? undefined : opened.at(-bring);
            const approvals = brought === undefined ? [] : [brought];
            const caller = each.run === undefined ? codex({ approvals }) : inRun(each.run, each.run, { approvals });
            const before = new Map((await ledger.list({})).map(({ id, used }) => [id, used]));
            try {
              await broker.secrets(caller, [each.ask]);
              given += 1;
              const now = (await ledger.list({})).filter(({ id, used }) => used > (before.get(id) ?? 0));
              const [by] = now;
              const facts = known.get(by?.id ?? '');
              if (facts !== undefined) facts.used += 1;
              const wrong = {
                'not one approval was used': now.length !== 1 || facts === undefined,
                'it is for another name': by?.names.includes(each.ask) !== true,
                'the rules or the reference changed': facts?.as.startsWith(`${rule} ${moved}`) !== true,
                'somebody said no': facts?.no === true,
                'too few said yes': (facts?.yes.size ?? 0) < (rule === 'both' ? 2 : 1),
                'its time was over': clock.now() >= (facts?.until ?? 0),
                'it was used up': (facts?.used ?? 0) > (rule === 'run' && each.run !== undefined ? 2 : 1),
              };
              breaches.push(...Object.entries(wrong).flatMap(([what, is]) => (is ? [what] : [])));
            } catch (error) {
              if (!(error instanceof BrokerRefusal)) throw error;
              const id = error.approval?.id;
              if (id !== undefined && !known.has(id)) {
                opened.push(id);
                known.set(id, { as: situation(each.run), yes: new Set(), no: false, until: 0, used: 0 });
              }
            }
          } else if ('answer' in each) {
            const id = opened.at(-1 - (each.at % Math.max(1, opened.length)));
            const facts = known.get(id ?? '');
            if (id === undefined || facts === undefined) continue;
            const { result } = await answer(id, each.answer, { decision: each.yes ? 'approve' : 'deny' });
            if (result !== 'taken') continue;
            if (each.yes) facts.yes.add(each.answer);
            else facts.no = true;
            facts.until = clock.now() + 300_000;
          } else if ('rule' in each) rewriteRules(rules[(rule = each.rule)]);
          else if ('moved' in each) rewrite({ registry: registry((moved = each.moved)) });
          else if ('pass' in each) clock.pass(each.pass);
          else {
            const id = opened.at(-1 - (each.at % Math.max(1, opened.length)));
            if (id !== undefined && (await ledger.end(id, each.end)) !== undefined) known.delete(id);
          }
        }
        await broker.close();
        expect(breaches).toEqual([]);
      },
    ),
    { numRuns: amountOf('stories of approvals') },
  );
  expect(tried).toBeGreaterThan(amountOf('stories of approvals') * 3);
  expect(given).toBeGreaterThan(amountOf('stories of approvals') / 6);
}, 240_000);
