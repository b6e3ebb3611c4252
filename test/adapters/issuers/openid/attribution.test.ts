import { describe, expect, it } from 'vitest';
import { failureOf, hostileStand } from './arrange.ts';

const { hostile, arrange, token } = await hostileStand();
const uri = { claim: 'https://orders.example/agent', parameter: 'agent' };
const path = { claim: 'act.sub', parameter: 'on_behalf' };

describe('an issuer that says which agent a token is for', () => {
  it.each([
    ['a claim of its own', uri, { 'https://orders.example/agent': 'codex' }],
    ['a path into a claim', path, { act: { sub: 'codex', act: { sub: 'before' } } }],
    ['a name with a dot, where the claim has it', path, { 'act.sub': 'codex', act: { sub: 'other' } }],
  ])('is told the agent, and its token taken: %s', async (_, attribution, claims) => {
    hostile.handlers.set('/token', token({ ...claims, jti: 'j-1' }));
    const { ask } = arrange({ attribution });
    expect(await ask({ agent: 'codex' })).toMatchObject({ jti: 'j-1' });
    const [sent] = hostile.seen.filter((each) => each.path === '/token');
    expect(sent?.form.get(attribution.parameter)).toBe('codex');
  });

  it.each([
    ['no claim', uri, {}],
    ['another agent', uri, { 'https://orders.example/agent': 'mallory' }],
    ['a list that has it', uri, { 'https://orders.example/agent': ['codex'] }],
    ['other letters', uri, { 'https://orders.example/agent': 'Codex' }],
    ['a path that ends too soon', path, { act: 'codex' }],
    ['an inherited name', { claim: 'constructor.name', parameter: 'agent' }, {}],
    ['only who acted before', path, { act: { sub: 'mallory', act: { sub: 'codex' } } }],
  ])('gives nothing that is taken with %s', async (_, attribution, claims) => {
    hostile.handlers.set('/token', token(claims));
    const error = await failureOf(arrange({ attribution }).ask({ agent: 'codex' }));
    expect(error).toMatchObject({ code: 'protocol' });
    expect(error.message).toContain('not attributed to agent "codex"');
    expect(error.message).not.toContain('mallory');
  });

  it.each([
    ['nobody is named', {}, 'internal'],
    ['the token is opaque', { agent: 'codex', tokenFormat: 'opaque' as const }, 'refused'],
    ['the flow names an agent itself', { agent: 'codex', parameters: { agent: 'admin' } }, 'refused'],
  ])('is not even asked where %s', async (_, request, code) => {
    expect((await failureOf(arrange({ attribution: uri }).ask(request))).code).toBe(code);
    expect(hostile.count('/token')).toBe(0);
  });

  it('is another issuer than one without: there the parameter is a flow’s own', async () => {
    await arrange().ask({ agent: 'codex', parameters: { agent: 'of the flow' } });
    expect(hostile.seen.find((each) => each.path === '/token')?.form.get('agent')).toBe('of the flow');
  });
});

it.each([
  ['as it is', 'abc-1', 'abc-1'],
  ['not where it is no text', 7, undefined],
  ['not where a log could be written with it', 'a\nb', undefined],
  ['not where it is longer than any id', 'x'.repeat(257), undefined],
  ['not where it repeats the client secret', 'canary+5e/cr=et%2FvA', undefined],
])('a token is known by its jti %s', async (_, jti, known) => {
  hostile.handlers.set('/token', token({ jti }));
  expect((await arrange().ask()).jti).toBe(known);
});
