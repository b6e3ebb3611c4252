import { readFileSync } from 'node:fs';
import type { App } from '../../../app/open-app.ts';
import { type Checkpoint, checkpointsIn } from '../../../audit/checkpoint-sink.ts';
import { keyIdOf } from '../../../audit/hmac-chain.ts';
import { noKey } from '../../../audit/line-format.ts';
import { isLocal, keyIdIn } from '../../../audit/find-trails.ts';
import { segmentsOf } from '../../../audit/segments.ts';
import { verifyTrail, type Verification } from '../../../audit/verify-trail.ts';
import { errorCodes, FlowError } from '../../../foundation/errors.ts';
import type { Terminal } from '../terminal.ts';

interface Result extends Verification {
  readonly file: string;
  readonly seconds: number;
}

/** @returns 73 where a line was changed, taken out, doubled or moved, or an anchor that was given says nothing of it */
export async function verify(
  app: App,
  trails: readonly string[],
  values: Readonly<Record<string, string | boolean>>,
  terminal: Terminal,
): Promise<number> {
  const keys = await auditKeys(app);
  const anchors = anchorText(values['anchor'], app.environment().audit.anchor);
  const results: Result[] = [];
  const doubts: string[] = [];
  const { file: configured } = app.environment().audit;
  if (values['file'] === undefined && configured !== undefined && segmentsOf(configured).length === 0)
    doubts.push(`${configured}: the trail that service.yaml names is not there`);
  const anchoring = trails.filter((file) => !isLocal(file) || values['file'] !== undefined);
  // the broker's may be in the state folder of another user
  if (values['anchor'] !== undefined && anchoring.length === 0)
    doubts.push('no trail here has checkpoints, only those of commands: name the file of the one that has with --file');
  for (const file of trails) {
    const named = typeof values['file'] === 'string' ? undefined : keyIdIn(file);
    const unkeyed = named === noKey;
    const anchored = anchors === undefined ? undefined : checkpointsIn(anchors, file);
    if (named !== undefined && !unkeyed && !keys.some((key) => keyIdOf(key) === named)) {
      terminal.tell('warning', `${file}: not verified, the environment has the key ${named} no more`);
      continue;
    }
    const result = await timed(file, unkeyed ? [] : keys, anchored?.checkpoints ?? []);
    results.push(result);
    if (values['json'] !== true) tell(result, terminal);
    if (result.misnamed)
      terminal.tell(
        'warning',
        `${file}: its files are not named in the order of their lines: another program renames them`,
      );
    if (anchored === undefined || !anchoring.includes(file)) continue;
    // what an anchor was given for is to tell a trail whose end is missing from one that is whole
    if (anchored.unreadable > 0)
      doubts.push(`lines of the anchor that look like a checkpoint and cannot be read: ${anchored.unreadable}`);
    if (anchored.checkpoints.length === 0) doubts.push(`${file}: the anchor holds no checkpoint of it`);
  }
  if (values['json'] === true) terminal.out(`${JSON.stringify(results)}\n`);
  for (const doubt of new Set(doubts)) terminal.tell('error', doubt);
  return doubts.length > 0 || results.some(({ found }) => found > 0) ? errorCodes.conflict.exit : 0;
}

async function auditKeys(app: App): Promise<readonly Uint8Array[]> {
  const environment = app.environment();
  if (environment.key.length === 0 && !environment.laptop) return [];
  return (await app.connections()).derivedKeys('audit');
}

async function timed(file: string, keys: readonly Uint8Array[], checkpoints: readonly Checkpoint[]): Promise<Result> {
  const started = performance.now();
  const found = await verifyTrail(segmentsOf(file), keys, checkpoints);
  return { file, seconds: (performance.now() - started) / 1000, ...found };
}

function tell(result: Result, terminal: Terminal): void {
  const { file, lines, first, last, found, problems, torn, keyed, checkpoints, seconds } = result;
  const verdict = found === 0 ? terminal.paint('green', 'ok') : terminal.paint('red', 'not as it was written');
  const range = lines === 0 ? 'empty' : `${first}–${last}`;
  const how = keyed ? 'under the key' : 'without a key, which shows damage but not who did it';
  const speed = seconds > 0.5 ? `, ${Math.round(lines / seconds)} lines/s` : '';
  const anchored =
    checkpoints === 0 ? 'no checkpoint' : `${checkpoints} ${checkpoints === 1 ? 'checkpoint' : 'checkpoints'}`;
  terminal.out(`${file}: ${verdict}: ${lines} lines (${range}) ${how}, ${anchored}, ${seconds.toFixed(1)} s${speed}\n`);
  for (const { kind, location, message } of problems) terminal.out(`  ${location}: ${kind}: ${message}\n`);
  if (found > problems.length) terminal.out(`  and ${found - problems.length} more\n`);
  if (torn !== undefined) {
    terminal.out(
      `  ${torn}: torn: the last write was ended early, by a crash or a power cut; the next start moves it aside\n`,
    );
  }
}

/** Checkpoints, as the anchor's file or a journal has them. */
function anchorText(given: string | boolean | undefined, declared: string | undefined): string | undefined {
  const path = typeof given === 'string' ? given : declared;
  if (path === undefined) return undefined;
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8');
  } catch (cause) {
    throw new FlowError('unavailable', 'the anchor cannot be read', {
      cause,
      hint: typeof given === 'string' ? 'give the file that has the checkpoints' : 'see audit.anchor in service.yaml',
      place: { subject: path },
    });
  }
}
