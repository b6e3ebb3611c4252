/** A literal loopback address or `localhost`, as a host is written without a port. */
export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/** What to do about an unsafe address, for hints. */
export const safeAddressHint = 'use https; plain http is for development: true at 127.0.0.1, [::1] or localhost';

/** `localhost`, 127.0.0.0/8 or [::1], as the URL parser writes them. */
export function isLoopback(url: URL): boolean {
  return isLoopbackHost(url.hostname);
}

/**
 * Whether something secret may be sent there: https, or plain http where `development` is true and the host is a
 * literal loopback address or `localhost`. @returns what is wrong with it, without the address, or undefined
 */
export function requireSafeAddress(address: string | URL, development: boolean): string | undefined {
  const url = typeof address === 'string' ? URL.parse(address) : address;
  if (url === null) return 'is not an absolute URL';
  if (url.username !== '' || url.password !== '') return 'holds a user name or password';
  if (url.protocol === 'https:') return undefined;
  if (url.protocol !== 'http:') return `is ${url.protocol} and not https`;
  if (!development) return 'is plain http';
  return isLoopback(url) ? undefined : 'is plain http and not on this machine';
}
