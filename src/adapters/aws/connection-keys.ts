import { form, optional, type Keys } from '../../language/forms.ts';
import { urlForm } from '../../language/url.ts';

/** The keys that say as whom a service of AWS is asked, and where. */
export const connectionKeys = {
  account: optional(
    form.text({ pattern: /^\d{12}$/, expects: "an account's 12 digits, in quotes" }),
    'verified before anything else',
    { example: "'123456789012'" },
  ),
  endpoint: optional(
    urlForm,
    "another address than AWS's own, for STS too; no variable and no profile of AWS can set it instead",
  ),
  profile: optional(form.text(), "a profile of AWS's shared configuration; without it the default credential chain"),
} satisfies Keys;
