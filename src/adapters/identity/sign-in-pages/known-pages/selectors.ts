/** Where a provider's sign-in pages keep what is needed of them: CSS selectors, and names of form fields. */
export interface PageSelectors {
  readonly password: { readonly form: string; readonly username: string; readonly password: string };
  readonly oneTimeCode: { readonly form: string; readonly code: string };
  /** asked of a user whose password has expired, or is a temporary one */
  readonly newPassword: { readonly form: string };
  readonly enrolment: {
    readonly form: string;
    readonly code: string;
    /** further fields that the form is sent with */
    readonly extra: Readonly<Record<string, string>>;
    /** the link to the page for those who cannot scan */
    readonly manual: string;
    readonly key: string;
    /** shown only where codes go by a counter, which is not supported */
    readonly counter: string;
    readonly algorithm: string;
    readonly digits: string;
    readonly period: string;
  };
  /** asked by some providers before a sign-out */
  readonly signOut: { readonly form: string; readonly extra: Readonly<Record<string, string>> };
}
