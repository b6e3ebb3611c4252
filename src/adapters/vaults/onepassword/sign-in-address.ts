import { isLoopback, requireSafeAddress } from '../../../foundation/safe-address.ts';
import { FlowError } from '../../../foundation/errors.ts';
import type { Secret } from '../../../foundation/secret.ts';
import type { Origin } from './thread-messages.ts';

/** `https://acme.1password.eu` and nothing else: no port, path, user name, or host that only looks like it. */
const service = /^(?:https:\/\/)?(?<host>(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+1password\.(?:com|ca|eu))\/?$/i;

/**
 * Where a service account's token signs in: the token itself says it, so it is checked before anything is sent.
 * @throws FlowError invalid-value where it is no token, refused where it leads elsewhere, denied where it is empty
 */
export function tokenOrigin(token: Secret, development: boolean): Origin {
  const address = signInAddress(token);
  const host = service.exec(address)?.groups?.['host'];
  if (host !== undefined) return { host: host.toLowerCase(), protocol: 'https:' };
  const url = URL.parse(/^https?:\/\//i.test(address) ? address : `https://${address}`);
  const safe = url !== null && requireSafeAddress(url, development) === undefined && isLoopback(url);
  if (development && safe) return { host: url.host, protocol: url.protocol === 'http:' ? 'http:' : 'https:' };
  throw new FlowError('refused', "the vault's token signs in at an address that is not 1Password's", {
    hint: development
      ? 'in development it must be 127.0.0.1, [::1] or localhost'
      : 'only *.1password.com, .ca and .eu are let in; a development vault needs development: true',
  });
}

function signInAddress(token: Secret): string {
  const text = token.reveal();
  if (text === '') throw new FlowError('denied', "the vault's token is empty", { hint: 'see token: in service.yaml' });
  try {
    const given: unknown = JSON.parse(Buffer.from(text.slice(4), 'base64url').toString('utf8'));
    if (/^ops_[A-Za-z0-9_-]+$/.test(text) && typeof given === 'object' && given !== null) {
      const address = (given as Record<string, unknown>)['signInAddress'];
      if (typeof address === 'string') return address;
    }
  } catch {
    // told below: what JSON.parse says may quote the token
  }
  throw new FlowError('invalid-value', "the vault's token is malformed", {
    hint: 'it begins with ops_; copy it whole, without spaces or line breaks',
  });
}
