import { FlowError } from './errors.ts';

/**
 * With NODE_TLS_REJECT_UNAUTHORIZED=0 Node takes any certificate, and whoever stands in between is given what is sent.
 * @param peer who would be asked by TLS, for the message: `login.example.com`
 * @throws FlowError refused
 */
export function requireCheckedCertificates(peer: string): void {
  if (process.env['NODE_TLS_REJECT_UNAUTHORIZED'] !== '0') return;
  const trouble = 'is asked by TLS, and with NODE_TLS_REJECT_UNAUTHORIZED=0 nobody looks at its certificate';
  throw new FlowError('refused', `${peer} ${trouble}`, {
    hint: 'unset it; an authority of your own goes into NODE_EXTRA_CA_CERTS',
  });
}
