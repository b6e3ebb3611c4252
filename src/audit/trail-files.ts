import { join } from 'node:path';
import type { Environment } from '../folder/service/settings.ts';
import { localUser } from '../foundation/local-user.ts';
import { trailFolder } from './find-trails.ts';
import { keyIdOf } from './hmac-chain.ts';
import { noKey } from './line-format.ts';

/**
 * The broker's trail: as service.yaml says, else in the state folder. The laptop's key is another with each start of its
 * stack, and so is its trail.
 */
export function brokerTrail(environment: Environment, stateFolder: string, key: Uint8Array | undefined): string {
  const { name, laptop, audit } = environment;
  return (
    audit.file ?? join(trailFolder(environment, stateFolder), `broker-${name}${laptop ? `-${idOf(key)}` : ''}.jsonl`)
  );
}

/** The trail of this user's commands, one for each key: what one key wrote is never looked at with another. */
export function localTrail(environment: Environment, stateFolder: string, key: Uint8Array | undefined): string {
  const folder = trailFolder(environment, stateFolder);
  return join(folder, `local-${localUser()}@${environment.name}-${idOf(key)}.jsonl`);
}

function idOf(key: Uint8Array | undefined): string {
  return key === undefined ? noKey : keyIdOf(key);
}
