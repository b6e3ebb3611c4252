import type { AuditEvent } from './contract.ts';
import { localTrail } from './trail-files.ts';
import type { Environment } from '../folder/service/settings.ts';
import { localAgent } from '../foundation/local-user.ts';
import { openTrail } from './trail.ts';

/** What a command did, before its answer leaves. */
export interface LocalEvent {
  readonly action:
    | 'local.run'
    | 'local.read'
    | 'local.exec'
    | 'local.answer'
    | 'notify.failed'
    | 'drill.finished'
    | 'break-glass.closed';
  /** the flow, the references that it reads, and the program that gets them */
  readonly what: readonly string[];
  readonly outcome: AuditEvent['outcome'];
  readonly code?: string | undefined;
  readonly detail?: string | undefined;
  readonly evidence?: AuditEvent['evidence'];
  /** stated by the person at the terminal */
  readonly reason?: string | undefined;
  readonly jti?: AuditEvent['jti'];
  /** what tells this run from others */
  readonly request: string;
}

export interface LocalOptions {
  readonly environment: Environment;
  readonly stateFolder: string;
  /** the derived `audit` keys, new first; undefined where the environment has no `key:` */
  readonly keys: (() => Promise<readonly [Uint8Array, ...Uint8Array[]]>) | undefined;
  readonly warn: (message: string) => void;
}

/** Milliseconds that a command waits for others that write the same trail. */
const patience = 10_000;

/**
 * Writes one event to this user's own trail. Commands may run side by side, so each opens the trail, adds its line and
 * lets it go. @throws FlowError where it is not on disk: then nothing may be given out
 */
export async function recordLocally(event: LocalEvent, options: LocalOptions): Promise<void> {
  const { environment, stateFolder, warn } = options;
  const key = (await options.keys?.())?.[0];
  const trail = await openTrail({
    file: localTrail(environment, stateFolder, key),
    key: key === undefined ? undefined : () => Promise.resolve(key),
    // nothing runs on that could write checkpoints to a second place
    anchor: undefined,
    patience,
    warn,
  });
  try {
    await trail.record(localEvent(event));
  } finally {
    await trail.close();
  }
}

/** The event as the trail has it. */
export function localEvent(event: LocalEvent): AuditEvent {
  return { ...event, agent: localAgent() };
}
