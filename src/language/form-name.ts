import { variantOf } from './variants.ts';
import type { Form } from './forms.ts';

/** A form in a few words, for messages and the reference. */
export function formName(form: Form): string {
  switch (form.kind) {
    case 'text':
      return form.expects ?? 'text';
    case 'number':
      return form.integer === true ? 'a whole number' : 'a number';
    case 'boolean':
      return 'true or false';
    case 'one-of':
      return form.values.map((value) => `\`${value}\``).join(', ');
    case 'reference':
      return form.to === 'item' ? 'a reference to an item' : 'a reference';
    case 'text-or-reference':
      return 'text or a reference';
    case 'secret':
      return 'a secret of a step';
    case 'connection':
      return `\`\${{ ${form.to}.NAME }}\``;
    case 'template':
      return 'text with `{{ op://… }}` in it';
    case 'json':
      return 'any plain value';
    case 'list':
      if (form.of.kind === 'object') return `a list, each with ${formName(form.of)}`;
      return form.orOne === true ? `${formName(form.of)}, or a list of it` : `a list: ${formName(form.of)}`;
    case 'mapping':
      return `a mapping: ${formName(form.of)}`;
    case 'object':
      return `keys: ${Object.keys(form.keys).join(', ')}`;
    case 'by-type': {
      const [only = '', ...others] = form.types.keys();
      return others.length === 0 ? formName(variantOf(form, only)) : 'keys, which depend on `type`';
    }
    case 'union':
      return form.of.map(formName).join('; or ');
  }
}
