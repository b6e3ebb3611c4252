import { chmod } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { leaveNote, makeNoteFolder, noteFile, readNote } from '../../foundation/process-note.ts';
import { replaceFile } from '../../foundation/replace-file.ts';
import { isAlive } from '../../foundation/state-folder.ts';

/** Where a running broker answers. */
export interface BrokerAddress {
  readonly pid: number;
  /** name of its environment */
  readonly environment: string;
  /** `http://127.0.0.1:7700`; undefined where it has only a socket */
  readonly url: string | undefined;
  /** absolute path of its Unix socket */
  readonly socket: string | undefined;
  /** origin of the page for people; undefined: none is served */
  readonly page?: string | undefined;
  /** on the laptop: the agent that it has a token for which ends with it, in {@link guestTokenFile} */
  readonly guest?: string | undefined;
  /** PEM: what proves the broker at a `url` of plain http */
  readonly certificate?: string | undefined;
  /** absolute path of a socket beside the note, where the same broker needs no proof: nobody but this user can have made it */
  readonly ownSocket?: string | undefined;
}

/** bytes of a socket's path; of a longer one some systems take a part */
const longestPath = 100;

/** Where a broker listens for this user's own programs; undefined where that would be too long. @throws FlowError unavailable */
export async function ownSocketFile(dir: string): Promise<string | undefined> {
  const file = noteFile('broker.sock', dir);
  if (Buffer.byteLength(file) > longestPath) return undefined;
  await makeNoteFolder(file);
  return file;
}

/** Where the laptop's broker keeps the token of its agent. */
export const guestTokenFile = (dir: string): string => noteFile('broker.token', dir);

const brokerFile = (dir: string): string => noteFile('broker.json', dir);

/** Tells this user's commands; returns how to stop telling. */
export async function announceBroker(dir: string, address: BrokerAddress): Promise<() => void> {
  return leaveNote(brokerFile(dir), `${JSON.stringify(address)}\n`);
}

/**
 * Leaves the certificate where agents of other users find it: in `/run/auth-chain`, as `RuntimeDirectory=` of the unit
 * makes that folder, and as RUNTIME_DIRECTORY names it.
 */
export async function publishCertificate(pem: string): Promise<void> {
  const [folder = ''] = (process.env['RUNTIME_DIRECTORY'] ?? '').split(':');
  if (!isAbsolute(folder)) return;
  const file = join(folder, 'broker.pem');
  await replaceFile(file, pem);
  await chmod(file, 0o644);
}

/** The broker that was started for a folder; undefined where none is there. @throws FlowError refused where others could have written the file */
export function findBroker(dir: string): BrokerAddress | undefined {
  const address = addressIn(readNote(brokerFile(dir), 'the broker'));
  return address !== undefined && isAlive(address.pid) ? address : undefined;
}

function addressIn(text = ''): BrokerAddress | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isAddress(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isAddress(value: unknown): value is BrokerAddress {
  if (typeof value !== 'object' || value === null) return false;
  const { pid, environment, ...texts } = value as Readonly<Record<string, unknown>>;
  const { url, page, socket, guest, certificate, ownSocket } = texts;
  const isText = (text: unknown) => text === undefined || typeof text === 'string';
  return (
    Number.isSafeInteger(pid) &&
    typeof environment === 'string' &&
    [url, page, socket, guest, certificate, ownSocket].every(isText)
  );
}
