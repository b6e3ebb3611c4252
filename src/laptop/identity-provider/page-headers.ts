/**
 * The headers of every page: nothing from elsewhere, no script, no frame, no cache.
 * @param destination where the answer to a form may lead, since browsers hold redirects to `form-action` too
 */
export function pageHeaders(destination?: unknown): Readonly<Record<string, string>> {
  const target = typeof destination === 'string' ? formTarget(destination) : undefined;
  const formAction = target === undefined ? "'self'" : `'self' ${target}`;
  return {
    'Content-Security-Policy': `default-src 'none'; style-src 'self'; img-src 'self' data:; form-action ${formAction}; base-uri 'none'; frame-ancestors 'none'`,
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-store',
  };
}

function formTarget(address: string): string | undefined {
  const url = URL.parse(address);
  if (url === null) return undefined;
  return url.origin === 'null' ? url.protocol : url.origin;
}
