import { form } from '../../language/forms.ts';

const literal = String.raw`(?!\.{1,2}(?:/|$))[A-Za-z0-9._~!$&'()*+,=:@-]+`;
const named = String.raw`\{[a-z][a-z0-9-]*\}`;

/** A path with names in braces, each for one whole segment: `/orders/{id}`. */
export const pathForm = form.text({
  pattern: new RegExp(`^/(?:(?:${literal}|${named})(?:/(?:${literal}|${named}))*/?)?$`),
  expects: 'a path whose segments are written out, or whole names in braces',
});

/** The names in a template. */
export function namesIn(template: string): readonly string[] {
  return [...template.matchAll(/\{([a-z][a-z0-9-]*)\}/g)].map(([, name = '']) => name);
}
