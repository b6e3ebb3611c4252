import { lstatSync, statSync } from 'node:fs';
import { isLoopback } from '../foundation/safe-address.ts';
import { BrokerError } from './broker-error.ts';

/** Where a broker listens. */
export type Address =
  | {
      readonly kind: 'tcp';
      /** `http:`, on this machine: the broker proves itself by a certificate of its own. Always TLS. */
      readonly own: boolean;
      readonly host: string;
      readonly port: number;
    }
  | { readonly kind: 'socket'; readonly path: string };

/**
 * `http://127.0.0.1:7700`, `https://broker.example` or `unix:/run/auth-chain/broker.sock`.
 * @throws TypeError for anything else: plain http leaves this machine only as https
 */
export function parseAddress(text: string): Address {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length).replace(/^\/\/(?=\/)/, '');
    if (!path.startsWith('/') || path.includes('\0')) throw new TypeError('broker: unix: takes an absolute path');
    return { kind: 'socket', path };
  }
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new TypeError('broker: write http://127.0.0.1:7700, https://HOST or unix:/PATH');
  }
  if (url.username !== '' || url.password !== '' || url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw new TypeError('broker: the address has a host and a port, and nothing else');
  }
  const own = url.protocol === 'http:';
  if (own && !isLoopback(url)) {
    throw new TypeError('broker: plain http is for 127.0.0.1, [::1] and localhost; use https');
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return { kind: 'tcp', own, host, port: url.port === '' ? (own ? 80 : 443) : Number(url.port) };
}

/**
 * Looks at a socket before anything is sent to it: it must be this user's or root's, in a folder where nobody else can
 * put another in its place. @throws BrokerError unreachable where there is none, unsafe
 */
export function requireOwnSocket(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new BrokerError('unreachable', { detail: `there is no ${path}` });
  if (!found.isSocket()) throw new BrokerError('unsafe', { detail: `${path} is not a socket` });
  if (process.getuid === undefined) return;
  const owners = [process.getuid(), 0];
  if (!owners.includes(found.uid)) throw new BrokerError('unsafe', { detail: `${path} is another user's` });
  const folder = statSync(path.slice(0, path.lastIndexOf('/')) || '/', { throwIfNoEntry: false });
  if (folder === undefined) throw new BrokerError('unreachable', { detail: `there is no ${path}` });
  const [sticky, othersWrite] = [(folder.mode & 0o1000) !== 0, (folder.mode & 0o022) !== 0];
  if (!owners.includes(folder.uid) || (othersWrite && !sticky)) {
    throw new BrokerError('unsafe', { detail: `others can replace ${path}` });
  }
}
