import { form } from '../../language/forms.ts';

/** Which metadata document an issuer has. */
export const discoveryForm = form.text({
  expects: 'oidc, oauth2 or the address of the document',
  pattern: /^(?:oidc|oauth2|https?:\/\/\S+)$/,
});
