import { expect, it } from 'vitest';
import { form, type Keys, optional, required, withDefault } from '../../src/language/forms.ts';
import { keysText } from '../../src/language/reference-tables.ts';

it('tells of every key, of those inside others by their path', () => {
  const kinds = new Map<string, { readonly keys: Keys }>([
    ['crate', { keys: { path: required(form.text(), 'the folder') } }],
    ['bucket', { keys: { region: optional(form.text(), 'where', { example: 'eu-west-1' }) } }],
  ]);
  const keys = {
    name: required(form.text(), 'what it is called'),
    count: withDefault(form.number({ integer: true }), 3, 'how many | at most'),
    place: optional(form.object({ host: required(form.text(), 'the host') }), 'where it is'),
    parts: optional(form.list(form.object({ id: required(form.text(), 'its id') }), { orOne: true }), 'what is in it'),
    stores: optional(form.mapping(form.byType(kinds, { description: 'which' })), 'by name'),
  };
  expect(keysText(keys).split('\n')).toEqual([
    '| key | takes |  |',
    '| --- | --- | --- |',
    '| `name` (required) | text | what it is called |',
    '| `count` | a whole number | how many \\| at most; default `3` |',
    '| `place` | keys | where it is |',
    '| `place.host` (required) | text | the host |',
    '| `parts` | one entry, or a list | what is in it |',
    '| `parts[].id` (required) | text | its id |',
    '| `stores` | a mapping of names | by name |',
    '| `stores.NAME.type` (required) | `crate`, `bucket` | which |',
    '| `stores.NAME.path` (required) | text | `crate`: the folder |',
    '| `stores.NAME.region` | text | `bucket`: where; for instance `eu-west-1` |',
  ]);
});
