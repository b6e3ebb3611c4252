/**
 * The headers of every page: nothing from elsewhere, no script, no frame, no cache.
 * @param destinations addresses that a form's answer may lead to, since browsers hold redirects to `form-action` too
 */
export function pageHeaders(destinations: readonly string[] = []): Readonly<Record<string, string>> {
  const origins = destinations.map(formTarget).filter((origin) => origin !== undefined);
  const formAction = ["'self'", ...new Set(origins)].join(' ');
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
