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
}

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
  const { pid, environment, url, socket } = value as Readonly<Record<string, unknown>>;
  const isPlace = (place: unknown) => place === undefined || typeof place === 'string';
  return Number.isSafeInteger(pid) && typeof environment === 'string' && isPlace(url) && isPlace(socket);
}
