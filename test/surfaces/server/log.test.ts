import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FlowError } from '../../../src/foundation/errors.ts';
import { Secret } from '../../../src/foundation/secret.ts';
import { createLogger } from '../../../src/surfaces/server/log.ts';

const canary = 'canary-51d0';

test('values cannot be logged, wherever they stand', () => {
  const folder = mkdtempSync(join(tmpdir(), 'flows-log-'));
  const file = join(folder, 'log');
  const log = createLogger('trace', file);
  const secret = new Secret(canary);
  log.info(
    { secret, value: secret, authorization: `Bearer ${canary}`, 'access-token': canary, nested: { secret } },
    'a',
  );
  log.error({ error: new TypeError(`text of another service: ${canary}`) }, 'b');
  log.error({ err: new FlowError('denied', 'refused', { cause: new Error(canary), hint: 'do this' }) }, 'c');
  log.warn({ error: canary }, 'd');
  const text = readFileSync(file, 'utf8');
  rmSync(folder, { recursive: true });
  expect(text).not.toContain(canary);
  const lines = text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines).toMatchObject([
    { level: 'info', msg: 'a', value: '[secret]', nested: { secret: '[secret]' } },
    { level: 'error', error: { code: 'internal', thrown: { name: 'TypeError', at: expect.any(Array) } } },
    { level: 'error', err: { code: 'denied', line: 'refused (do this)' } },
    { level: 'warn', error: { code: 'internal' } },
  ]);
});
