import { describe, expect, test } from 'vitest';
import { type Capability, lacking } from '../../../src/adapters/identity/capabilities.ts';
import { identityProviderAdapter, type IdentityProviderAdapter } from '../../../src/adapters/identity/adapter.ts';

const typed = (type: string, offers: readonly Capability[], without?: Capability): IdentityProviderAdapter =>
  identityProviderAdapter({
    type,
    keys: {} as never,
    plain: [],
    addresses: () => [],
    offers,
    lacks: (_, capability) => (capability === without ? { problem: 'has no client', hint: 'give it one' } : undefined),
    load: () => Promise.reject(new Error('nothing is loaded')),
  });

describe('what an identity provider lacks', () => {
  const poor = typed('poor', []);
  const pages = typed('pages', ['sign-in']);
  const rich = typed('rich', ['sign-in', 'proof', 'set-password'], 'proof');
  const all = [poor, pages, rich];

  test.each<[string, IdentityProviderAdapter, object | undefined, readonly Capability[], string | undefined]>([
    ['nothing of its type', poor, {}, ['set-password'], 'is of type poor, which cannot set passwords'],
    ['one of two', pages, {}, ['proof', 'sign-in'], undefined],
    ['what its settings leave out', rich, {}, ['proof'], 'has no client'],
    ['what its settings leave out, and another way', rich, {}, ['proof', 'sign-in'], undefined],
    ['on the laptop, whose settings lack nothing', rich, undefined, ['proof'], undefined],
    ['on the laptop, where the type cannot', pages, undefined, ['proof'], 'is of type pages, which cannot prove'],
  ])('%s', (_, adapter, settings, oneOf, problem) => {
    const found = lacking(adapter, settings as Record<string, unknown> | undefined, oneOf, all);
    expect(found?.problem.slice(0, problem?.length)).toBe(problem);
  });

  test('comes with the types that can', () => {
    expect(lacking(poor, {}, ['proof', 'sign-in'], all)?.hint).toBe('types that can: pages, rich');
    expect(lacking(poor, {}, ['client-keys'], all)?.hint).toBe('no type of identity provider can');
  });
});
