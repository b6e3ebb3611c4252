import type { App } from '../../app/open-app.ts';
import { signClaim } from '../../broker/authentication/operator-token.ts';
import { FlowError } from '../../foundation/errors.ts';
import { localUser } from '../../foundation/local-user.ts';
import { findBroker } from '../server/announcement.ts';

/** seconds that a link is good for */
const life = 900;

/** Origin of the page that the broker of a folder serves. @throws FlowError unavailable where there is none */
export function servedPage(dir: string): string {
  const { page } = findBroker(dir) ?? {};
  if (page !== undefined) return page;
  throw new FlowError('unavailable', `no broker with a page runs for ${dir}`, {
    hint: 'server: { page: true } in service.yaml, and flows serve',
  });
}

/**
 * A link to the page that counts once, within 15 minutes: whoever holds the vault's token makes it, without asking the
 * broker. What proves it stands behind the `#`, which no browser sends and no log has.
 * @param path within the page @param purpose what the broker takes it for
 */
export async function pageLink(app: App, path: string, purpose: string): Promise<string> {
  const page = servedPage(app.folder.dir);
  const [key] = await (await app.connections()).derivedKeys('operator');
  const claim = { user: localUser(), for: purpose, lifetime: life, now: Date.now() };
  return `${page}/#/${path}/${signClaim(key, claim).reveal()}`;
}
