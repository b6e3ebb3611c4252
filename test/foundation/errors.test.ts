import { expect, test } from 'vitest';
import { asFlowError, errorCodes, FlowError, oneLine, someOf } from '../../src/foundation/errors.ts';

test('says where, what and what to do on one line', () => {
  const error = new FlowError('not-found', 'no item "Orders"', {
    hint: 'check the title',
    place: { subject: 'op://A/Orders/x' },
  });
  expect(error.at({ flow: 'orders', step: 'token' }).line()).toBe(
    'flow "orders", step "token", op://A/Orders/x: no item "Orders" (check the title)',
  );
});

test('keeps the place that is known first', () => {
  const error = new FlowError('timeout', 'no answer', { place: { step: 'inner' } }).at({ step: 'outer', flow: 'f' });
  expect(error.place).toEqual({ step: 'inner', flow: 'f' });
  expect(error.code).toBe('timeout');
});

test('a copy has everything but what was changed', () => {
  const options = { hint: 'wait', place: { step: 'token' }, cause: new Error('socket'), retryAfter: 60 };
  const error = new FlowError('unavailable', 'no answer', options);
  const { code, message, hint, place, cause, retryAfter } = error.with({ retryAfter: 7 });
  expect({ code, message, hint, place, cause, retryAfter }).toEqual({
    code: 'unavailable',
    message: 'no answer',
    ...options,
    retryAfter: 7,
  });
  expect(error.with({ hint: undefined }).hint).toBeUndefined();
});

test('keeps text from outside off the terminal', () => {
  expect(oneLine('a\n\u001b[2Jb\u202ec')).toBe('a [2Jb c');
  expect(oneLine('x'.repeat(600))).toHaveLength(500);
});

test('cuts a long message, and never what to do', () => {
  for (const hint of ['restore it with: aws secretsmanager restore-secret', 'h'.repeat(900)]) {
    const line = new FlowError('conflict', 'x'.repeat(2_000), { hint, place: { flow: 'f' }, retryAfter: 7 }).line();
    expect(line).toMatch(/^flow "f": x+… /);
    expect(line.endsWith(` (${hint}; it asks to wait 7 s)`)).toBe(true);
    expect(line.length).toBeLessThan(500 + hint.length + 30);
  }
});

test('names five of many', () => {
  const names = Array.from({ length: 40 }, (_, index) => `n${index}`);
  expect(someOf(names)).toBe('n0, n1, n2, n3, n4 and 35 more');
  expect(someOf(names.slice(0, 5))).toBe('n0, n1, n2, n3, n4');
  expect(someOf(names.slice(0, 6))).toBe('n0, n1, n2, n3, n4 and 1 more');
});

test('an unknown error leaves with a fixed text', () => {
  const error = asFlowError(new Error('401 for hunter2'));
  expect(error.code).toBe('internal');
  expect(error.line()).not.toContain('hunter2');
});

test('exit codes of different kinds of trouble differ', () => {
  const trouble = [
    'not-found',
    'ambiguous',
    'denied',
    'rate-limited',
    'timeout',
    'unavailable',
    'protocol',
    'conflict',
    'internal',
  ] as const;
  expect(new Set(trouble.map((code) => errorCodes[code].exit)).size).toBe(trouble.length);
});

test('a folder that was deleted below a process is no fault of this program', () => {
  const gone = Object.assign(new Error('ENOENT: uv_cwd'), { code: 'ENOENT', syscall: 'uv_cwd' });
  expect(asFlowError(gone)).toMatchObject({ code: 'usage', hint: expect.stringContaining('cd') });
});

test('a user without a home folder is no fault of this program', () => {
  const homeless = Object.assign(new Error('uv_os_homedir returned ENOENT'), {
    code: 'ERR_SYSTEM_ERROR',
    syscall: 'uv_os_homedir',
  });
  expect(asFlowError(homeless).line()).toMatch(/ \(set HOME, or XDG_STATE_HOME\)$/);
});

test.each(['EMFILE', 'ENFILE'])('%s is no fault of this program', (code) => {
  const error = asFlowError(Object.assign(new Error('open'), { code }));
  expect([error.code, errorCodes[error.code].status]).toEqual(['unavailable', 503]);
});

test.each([
  ['EACCES', 'no permission'],
  ['EPERM', 'no permission'],
  ['EROFS', 'read-only'],
  ['ENOSPC', 'no space'],
  ['EDQUOT', 'no space'],
  ['EIO', 'disk fails'],
  ['ENOTDIR', 'no folder'],
  ['ELOOP', 'circle'],
  ['ENAMETOOLONG', 'too long'],
])('what the system says of a path is told as that, not as a fault of this program: %s', (code, says) => {
  const error = asFlowError(Object.assign(new Error(code), { code, syscall: 'stat', path: '/srv/a\nb' }));
  expect(error.code).toBe('unavailable');
  expect(error.line()).toMatch(new RegExp(`^"/srv/a.{1,2}b" cannot be used: .*${says}.* \\(.+\\)$`));
});

test('a path that is missing where it should be there is a fault of this program', () => {
  const error = Object.assign(new Error('ENOENT'), { code: 'ENOENT', syscall: 'open', path: '/srv/a' });
  expect(asFlowError(error).code).toBe('internal');
});
