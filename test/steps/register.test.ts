import { describe, expect, it } from 'vitest';
import { form, required } from '../../src/language/forms.ts';
import { registerSteps } from '../../src/steps/register.ts';
import type { PureStepKind, StepKind, WriteStepKind } from '../../src/steps/contract.ts';

const pure: PureStepKind = {
  name: 'room/verb',
  summary: 's',
  effect: 'none',
  with: {},
  output: {},
  run: async () => ({}),
};
const write: WriteStepKind = { ...pure, effect: 'write', plan: async () => ({ changes: [] }) };
const secret = { type: 'secret', description: 'x' } as const;
const text = { type: 'text', description: 'x' } as const;

describe('registration', () => {
  it.each<readonly [string, readonly StepKind[]]>([
    ['a step that writes and gives a secret', [{ ...write, output: { value: secret } }]],
    ['two of one name', [pure, pure]],
    ['a name without a room', [{ ...pure, name: 'verb' }]],
    ['a name in upper case', [{ ...pure, name: 'Room/verb' }]],
    ['a scalar that is no field', [{ ...pure, scalar: 'value' }]],
    ['a field named outputs', [{ ...pure, output: { outputs: text } }]],
    ['a field that every object has', [{ ...pure, output: { 'to-string': text } }]],
    ['a key that is no lower-case name', [{ ...pure, with: { someKey: required(form.text(), 'x') } }]],
    ['a token without its fields', [{ ...pure, output: { 'access-token': secret }, presents: 'token' }]],
    [
      'a cached kind that takes a secret',
      [{ ...pure, with: { a: required(form.list(form.secret()), 'x') }, expiresAt: () => 1 }],
    ],
  ])('refuses %s', (_name, kinds) => {
    expect(() => registerSteps(kinds)).toThrow(TypeError);
  });

  it('takes what keeps the rules', () => {
    expect([
      ...registerSteps([
        { ...pure, output: { value: secret } },
        { ...write, name: 'room/write', output: { value: text } },
      ]).keys(),
    ]).toEqual(['room/verb', 'room/write']);
  });
});
