import { formName } from './form-name.ts';
import type { Form } from './keys.ts';
import { suggest } from './nearest.ts';

interface Trouble {
  readonly message: string;
  readonly hint?: string;
}

/** What is wrong with a plain value for a form; the message never holds the value. */
export function scalarTrouble(value: unknown, form: Form, key: string): Trouble | undefined {
  const takes = (what: string, hint?: string): Trouble => ({
    message: `"${key}" takes ${what}`,
    ...(hint === undefined ? {} : { hint }),
  });
  switch (form.kind) {
    case 'text':
    case 'text-or-reference': {
      if (typeof value !== 'string') return takes('text', `put it in quotes: "${String(value)}"`);
      if (form.kind === 'text-or-reference') return value === '' ? takes('text, and this is empty') : undefined;
      if (value === '' && form.allowEmpty !== true) return takes('text, and this is empty');
      if (form.pattern?.test(value) === false) return takes(form.expects ?? `text that fits ${form.pattern.source}`);
      return undefined;
    }
    case 'number': {
      if (typeof value !== 'number') return takes('a number');
      if (form.integer === true && !Number.isInteger(value)) return takes('a whole number');
      if (value < (form.minimum ?? value)) return takes(`a number of at least ${form.minimum ?? 0}`);
      if (value > (form.maximum ?? value)) return takes(`a number of at most ${form.maximum ?? 0}`);
      return undefined;
    }
    case 'boolean':
      return typeof value === 'boolean' ? undefined : takes('true or false');
    case 'one-of':
      if (typeof value === 'string' && form.values.includes(value)) return undefined;
      return takes(
        `one of ${form.values.join(', ')}`,
        typeof value === 'string' ? suggest(value, form.values) : undefined,
      );
    case 'secret':
      return takes('a secret that a step gives', 'read it first: uses: vault/read, then ${{ steps.ID }}');
    case 'connection':
      return takes(
        `a connection: \${{ ${form.to}.NAME }}`,
        typeof value === 'string' ? `write \${{ ${form.to}.${value} }}` : undefined,
      );
    default:
      return takes(formName(form));
  }
}
