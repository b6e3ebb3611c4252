import { scrub } from '../../foundation/scrub.ts';
import type { Secret } from '../../foundation/secret.ts';

/** The server's own words, unless they may quote a part of the password or of the bearer token, where one was sent. */
export function ownWords(detail: string, bearer: Secret | undefined, password?: Secret): string | undefined {
  const given = password?.reveal() ?? '';
  for (let at = 0; at + 4 <= given.length; at += 1) if (detail.includes(given.slice(at, at + 4))) return undefined;
  return scrub(detail, [bearer?.reveal() ?? '', given])?.slice(0, 200);
}
