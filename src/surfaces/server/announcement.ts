import { createHash } from 'node:crypto';
import { readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { FlowError } from '../../foundation/errors.ts';
import { replaceFile } from '../../foundation/replace-file.ts';
import { isAlive, stateFolder } from '../../foundation/state-folder.ts';

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

/** The file by which this user's commands find the broker of a folder of flows: mode 0600, in the state folder. */
export function brokerFile(dir: string): string {
  const name = createHash('sha256').update(realpathSync(dir)).digest('hex').slice(0, 16);
  return join(stateFolder(), `broker-${name}.json`);
}

/** Tells this user's commands; returns how to stop telling. */
export async function announceBroker(dir: string, address: BrokerAddress): Promise<() => void> {
  const file = brokerFile(dir);
  await replaceFile(file, `${JSON.stringify(address)}\n`);
  const silence = () => {
    // another broker may have taken over in between
    if (read(file)?.pid === address.pid) rmSync(file, { force: true });
  };
  process.once('exit', silence);
  return () => {
    process.off('exit', silence);
    silence();
  };
}

/** The broker that was started for a folder; undefined where none is there. @throws FlowError refused where others could have written the file */
export function findBroker(dir: string): BrokerAddress | undefined {
  const file = brokerFile(dir);
  const facts = statSync(file, { throwIfNoEntry: false });
  if (facts === undefined) return undefined;
  if (process.getuid !== undefined && (facts.uid !== process.getuid() || (facts.mode & 0o077) !== 0)) {
    throw new FlowError('refused', `${file} can be read or written by others`, {
      hint: 'remove it, and start the broker again',
    });
  }
  const address = read(file);
  return address !== undefined && isAlive(address.pid) ? address : undefined;
}

function read(file: string): BrokerAddress | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
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
