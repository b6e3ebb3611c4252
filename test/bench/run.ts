import { parseArgs } from 'node:util';
import { columns } from '../../src/surfaces/cli/terminal.ts';
import type { Bench, Row } from './row.ts';

/**
 * `npm run bench [-- NAME …] [--short] [--json] [--strict]`: each file of this folder, or those that are named, as a
 * table. A missed goal of counts makes it exit 1, one of times only with --strict, since a busy machine is no fault.
 */
const benches: Readonly<Record<string, () => Promise<Bench>>> = {
  startup: async () => (await import('./startup.ts')).bench,
  masking: async () => (await import('./masking.ts')).bench,
  exec: async () => (await import('./exec.ts')).bench,
  load: async () => (await import('./load.ts')).bench,
  api: async () => (await import('./api.ts')).bench,
  mcp: async () => (await import('./mcp.ts')).bench,
  'sign-in': async () => (await import('./sign-in.ts')).bench,
  tokens: async () => (await import('./tokens.ts')).bench,
  audit: async () => (await import('./audit.ts')).bench,
  broker: async () => (await import('./broker.ts')).bench,
  openbao: async () => (await import('./openbao.ts')).bench,
  runs: async () => (await import('./runs.ts')).bench,
  push: async () => (await import('./push.ts')).bench,
};
const measuredByTheClock = new Set(['ms', 'µs', 'MiB', 'MB/s', 'answers/s', 'lines/s', 'runs/s']);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { short: { type: 'boolean' }, json: { type: 'boolean' }, strict: { type: 'boolean' } },
});
const { short = false, json = false, strict = false } = values;
const unknown = positionals.find((name) => !Object.hasOwn(benches, name));
if (unknown !== undefined) throw new TypeError(`no benchmark "${unknown}": ${Object.keys(benches).join(', ')}`);

const rows: Row[] = [];
for (const [name, load] of Object.entries(benches)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  const found = await (await load())({ short });
  rows.push(...found);
  if (!json) process.stdout.write(`${rows.length === found.length ? '' : '\n'}${table(found)}`);
}
if (json) process.stdout.write(`${JSON.stringify(rows, undefined, 2)}\n`);

const missed = rows.filter(({ holds }) => holds === false);
if (!json && missed.length > 0) process.stdout.write(`\n${missed.length} of the goals missed\n`);
process.exitCode = missed.some(({ unit }) => strict || !measuredByTheClock.has(unit)) ? 1 : 0;

function table(found: readonly Row[]): string {
  const told = (value: number | undefined, unit: string) => (value === undefined ? '' : `${value} ${unit}`);
  return columns(
    found.map(({ name, value, unit, against, ratio, goal, holds }) => [
      name,
      told(value, unit),
      told(against, unit),
      told(ratio, '×'),
      goal === undefined ? '' : `goal ${goal}: ${holds === true ? 'holds' : 'MISSED'}`,
    ]),
  );
}
