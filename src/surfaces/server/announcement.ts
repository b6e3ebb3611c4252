import { leaveNote, noteFile, readNote } from '../../foundation/process-note.ts';
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
  /** on the laptop: the agent that it has a token for which ends with it, in {@link guestTokenFile} */
  readonly guest?: string | undefined;
}

/** Where the laptop's broker keeps the token of its agent. */
export const guestTokenFile = (dir: string): string => noteFile('broker.token', dir);

const brokerFile = (dir: string): string => noteFile('broker.json', dir);

/** Tells this user's commands; returns how to stop telling. */
export async function announceBroker(dir: string, address: BrokerAddress): Promise<() => void> {
  return leaveNote(brokerFile(dir), `${JSON.stringify(address)}\n`);
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
  const { pid, environment, url, socket, guest } = value as Readonly<Record<string, unknown>>;
  const isText = (text: unknown) => text === undefined || typeof text === 'string';
  return Number.isSafeInteger(pid) && typeof environment === 'string' && [url, socket, guest].every(isText);
}
