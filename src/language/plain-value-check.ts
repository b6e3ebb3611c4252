import { formName } from './form-name.ts';
import type { Form } from './forms.ts';
import { nearest } from './nearest-name.ts';

export interface Trouble {
  readonly message: string;
  readonly hint?: string | undefined;
}

/**
 * What is wrong with a plain value for a form; the message never holds text.
 * @param written the value as it stands in the file, where it does: 00501 is a number whose own form is another
 */
export function scalarTrouble(value: unknown, form: Form, key: string, written = String(value)): Trouble | undefined {
  const takes = (what: string, hint?: string): Trouble => ({
    message: `"${key}" takes ${what}`,
    hint,
  });
  if (form.kind === 'text' || form.kind === 'text-or-reference') {
    if (typeof value !== 'string') return takes('text', isPlain(value) ? `put it in quotes: "${written}"` : undefined);
    const { pattern, expects, allowEmpty = false } = form.kind === 'text' ? form : {};
    if (value === '' && !allowEmpty) return takes('text, and this is empty');
    return pattern?.test(value) === false ? takes(expects ?? `text that fits ${pattern.source}`) : undefined;
  }
  if (form.kind === 'number') {
    const { integer = false, minimum = -Infinity, maximum = Infinity } = form;
    if (typeof value !== 'number')
      return takes(integer ? 'a whole number' : 'a number', isNumeric(value) ? 'write it without quotes' : undefined);
    if (integer && !Number.isSafeInteger(value)) return takes('a whole number');
    if (value < minimum) return takes(`a number of at least ${minimum}`);
    return value > maximum ? takes(`a number of at most ${maximum}`) : undefined;
  }
  if (form.kind === 'boolean') return typeof value === 'boolean' ? undefined : takes('true or false', truthHint(value));
  if (form.kind === 'one-of') {
    if (typeof value === 'string' && form.values.includes(value)) return undefined;
    const near = typeof value === 'string' ? nearest(value, form.values) : undefined;
    return takes(`one of ${form.values.join(', ')}`, near === undefined ? undefined : `did you mean "${near}"?`);
  }
  if (form.kind === 'secret') {
    return takes('a secret that a step gives', 'read it first: uses: vault/read, then ${{ steps.ID }}');
  }
  if (form.kind === 'connection') {
    const hint = typeof value === 'string' ? `write \${{ ${form.to}.${value} }}` : undefined;
    return takes(`a connection: \${{ ${form.to}.NAME }}`, hint);
  }
  return takes(formName(form), form.kind === 'reference' ? 'write op://vault/item/field' : undefined);
}

function isNumeric(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && Number.isFinite(Number(value));
}

/** YAML 1.2 knows no yes, no, on and off. */
function truthHint(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  if (/^(?:true|yes|on)$/i.test(value)) return 'write true';
  return /^(?:false|no|off)$/i.test(value) ? 'write false' : undefined;
}

function isPlain(value: unknown): value is number | boolean {
  return typeof value === 'number' || typeof value === 'boolean';
}
