import { folded } from '../foundation/names.ts';
import { Reference } from '../foundation/reference.ts';
import type { Filling } from './fill-from-folder.ts';
import type { FieldSeed } from './vault/seeds.ts';
import type { DevelopmentVault } from './vault/server.ts';

/** What a changed folder brought. */
export interface Refilled {
  /** references that can be read now; names, never values */
  readonly added: readonly string[];
  /** client ids and user names that the identity provider knows, or knows rightly, only after another start */
  readonly afterRestart: readonly string[];
}

/**
 * Brings the vault what the folder names by now and did not at the start: new vaults, items and fields. What is there
 * stays as runs have left it. Clients and users of the identity provider are those of the start.
 */
export function refill(vault: DevelopmentVault, before: Filling, after: Filling): Refilled {
  const added: string[] = [];
  for (const { name, items } of after.vaults) {
    const known = before.vaults.find((each) => folded(each.name) === folded(name));
    if (known === undefined) vault.addVault(name);
    for (const item of items) {
      const earlier = known?.items.find(({ title }) => folded(title) === folded(item.title));
      const names = new Set(earlier?.fields.map(nameOf));
      const fields = item.fields.filter((field) => !names.has(nameOf(field)));
      if (earlier === undefined) vault.add(name, item);
      else if (fields.length > 0) vault.extend(name, item.title, fields);
      const place = { vault: name, item: item.title };
      const isNew = fields.map(({ section, label }) => Reference.of({ ...place, section, field: label }).toString());
      added.push(...(earlier === undefined && isNew.length === 0 ? [Reference.of(place).toString()] : isNew));
    }
  }
  const clients = after.clients.filter(
    (client) => textOf(client) !== textOf(before.clients.find(({ clientId }) => clientId === client.clientId)),
  );
  const users = after.users.filter(({ userName }) => !before.users.some((each) => each.userName === userName));
  return {
    added,
    afterRestart: [...clients.map(({ clientId }) => clientId), ...users.map(({ userName }) => userName)],
  };
}

function nameOf({ section, label }: FieldSeed): string {
  return folded(JSON.stringify([section ?? '', label]));
}

/** What a client may do; its keys are made anew each time. */
function textOf(client: Filling['clients'][number] | undefined): string {
  const { publicKey, secrets = [], ...rest } = client ?? {};
  return JSON.stringify([rest, publicKey !== undefined, secrets.map((secret) => secret.hash())]);
}
