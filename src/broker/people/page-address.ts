import { BrokerRefusal } from '../refusal.ts';

/** Where the page is: what a passkey is made for, and signs. */
export interface PageAddress {
  /** `http://localhost:7700` or `https://flows.example`: compared letter by letter */
  readonly origin: string;
  /** relying party id: the host alone, so that no port and no sibling host can be told from it; the origin tells */
  readonly rpId: string;
}

/** @throws BrokerRefusal not-allowed where no page is served */
export function requirePage(page: PageAddress | undefined): PageAddress {
  if (page === undefined) throw new BrokerRefusal('not-allowed', { detail: 'no page is served' });
  return page;
}

/** @throws TypeError for what is no origin */
export function pageAddress(origin: string): PageAddress {
  const url = new URL(origin);
  if (url.origin !== origin) throw new TypeError('an origin has a scheme, a host and a port, and nothing else');
  return { origin, rpId: url.hostname };
}
