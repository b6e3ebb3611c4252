/** What a JWT says of itself, which proves nothing; nothing where it is none. */
export function claimsSaid(token: string): { readonly iss?: unknown; readonly exp?: unknown } {
  const payload = /^[\w-]+\.([\w-]+)\.[\w-]+$/.exec(token)?.[1];
  if (payload === undefined) return {};
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    return typeof claims === 'object' && claims !== null ? claims : {};
  } catch {
    return {};
  }
}
