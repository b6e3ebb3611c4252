import { form } from './forms.ts';

/** An absolute URL in a YAML file. */
export const urlForm = form.text({ expects: 'an absolute URL (https://…)', pattern: /^[a-z][a-z0-9+.-]*:\/\/\S+$/i });
