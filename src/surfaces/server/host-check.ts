import { isIP } from 'node:net';
import type { IncomingHttpHeaders } from 'node:http';
import { isLoopbackHost } from '../../foundation/safe-address.ts';
import { EdgeRefusal } from './edge-refusal.ts';

/** A `Host` with its port (RFC 9110, section 7.2), the port in group 2 and an IPv6 address in brackets. */
const form = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?$/i;
const remembered = 64;

export interface HostOptions {
  /** names besides loopback addresses and `localhost`, lower-case; those of a renewed certificate come along */
  readonly names: () => readonly string[];
  /** any literal address is taken: the server listens on more than loopback. No page's name can be rebound to one */
  readonly anyAddress: boolean;
}

/** Whether a `Host` header means this server. A page whose name was rebound to loopback sends its own name. */
export function createHostCheck({ names, anyAddress }: HostOptions): (host: string | undefined) => boolean {
  const known = new Set<string>();

  const fits = (host: string): boolean => {
    const name = form
      .exec(host)?.[1]
      ?.toLowerCase()
      .replace(/^\[|\]$/g, '');
    if (name === undefined) return false;
    if (isIP(name) !== 0) return anyAddress || isLoopbackHost(name);
    return name === 'localhost' || names().includes(name);
  };

  return (host) => {
    if (host === undefined) return false;
    if (known.has(host)) return true;
    if (!fits(host)) return false;
    if (known.size < remembered) known.add(host);
    return true;
  };
}

/**
 * Refuses what a browser sends for a page: `Origin` goes with every request that could change or read something, and
 * `Sec-Fetch-Site` tells the rest, but for an address that a person typed.
 * @throws EdgeRefusal origin-refused
 */
export function refusePages(headers: IncomingHttpHeaders): void {
  const site = headers['sec-fetch-site'];
  if (headers.origin !== undefined || (site !== undefined && site !== 'none')) throw new EdgeRefusal('origin-refused');
}
