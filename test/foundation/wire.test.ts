import { describe, expect, it } from 'vitest';
import { headerNames, headerOf, nameForm, pathOf, paths, problems, runForm } from '../../src/foundation/wire.ts';
import { routes } from '../../src/surfaces/server/routes/index.ts';

describe('the words between a broker and those who ask it', () => {
  it('are served: each path is a route', () => {
    expect(Object.values(paths).toSorted()).toEqual(
      routes
        .filter(({ access }) => access === 'agent')
        .map(({ path }) => path)
        .toSorted(),
    );
  });

  it.each(Object.entries(problems))('%s is a stable code with a status and a sentence', (code, { status, detail }) => {
    expect(code).toMatch(/^[a-z][a-z-]{0,49}$/);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(detail).toMatch(/^[A-Z].*\.$/);
  });

  it.each(['orders-token', 'a', '0._-', 'x'.repeat(200)])('a name %j stands in a path as it is', (name) => {
    expect(name).toMatch(nameForm);
    expect(new URL(pathOf(paths.rejected, name), 'http://x').pathname).toBe(`/v1/tokens/${name}/rejected`);
  });

  it.each(['', '-x', '.', '..', 'a/b', 'a%2fb', 'a?b', 'ä', 'a\n', 'x'.repeat(201)])('%j is no name', (text) => {
    expect(text).not.toMatch(nameForm);
  });

  it.each([
    ['task/42:a.b_c-d', true],
    ['', false],
    ['/x', false],
    ['a b', false],
    ['x'.repeat(129), false],
  ])('a run %j: %s', (run, fits) => expect(runForm.test(run)).toBe(fits));

  it('puts a name into a path as it is, whatever it is', () => {
    expect(pathOf(paths.token, '$&{flow}')).toBe('/v1/tokens/$&{flow}');
  });

  it('finds its headers as Node gives them', () => {
    const headers = Object.fromEntries(Object.values(headerNames).map((name) => [name.toLowerCase(), name]));
    expect(headerOf(headers, 'request')).toBe('X-Request-Id');
    expect(headerOf({}, 'run')).toBeUndefined();
  });
});
