import type { IncomingHttpHeaders } from 'node:http';
import type { PageAddress } from '../../broker/people/page-address.ts';
import { pagePrefix } from '../../foundation/wire.ts';
import { EdgeRefusal } from './edge-refusal.ts';

/** Whether a request is for the page's own routes. */
export function isForPage(url: string | undefined): boolean {
  return url?.startsWith(pagePrefix) === true;
}

/**
 * Lets only the page itself ask for what is its own: what changes something says its origin, to the letter, and no
 * other site, port or frame sends it. Without a page there are no such routes.
 * @throws EdgeRefusal not-found, origin-refused
 */
export function requirePage(
  { method, headers }: { readonly method?: string | undefined; readonly headers: IncomingHttpHeaders },
  page: PageAddress | undefined,
): void {
  if (page === undefined) throw new EdgeRefusal('not-found');
  const { origin, 'sec-fetch-site': site = 'same-origin', host } = headers;
  // `localhost` alone: at an address no passkey works, and another process may have the other loopback
  if (host !== new URL(page.origin).host) throw new EdgeRefusal('origin-refused');
  const said = origin === undefined ? method === 'GET' : origin === page.origin;
  if (!said || site !== 'same-origin') throw new EdgeRefusal('origin-refused');
}
