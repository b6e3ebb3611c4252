import { connect } from 'node:net';
import type { LaptopStack } from '../adapters/laptop-stack.ts';
import { FlowError } from '../foundation/errors.ts';
import { Reference } from '../foundation/reference.ts';
import { leaveNote, noteFile, readNote } from '../foundation/process-note.ts';
import { Secret } from '../foundation/secret.ts';
import { isAlive } from '../foundation/state-folder.ts';

/** The root of the laptop's own keys, where the folder names none for it. */
export const laptopKey = Reference.of({ vault: 'Development', item: 'auth-chain key', field: 'password' });

const discoveryFile = (dir: string): string => noteFile('development.json', dir);

/** Tells other terminals; returns how to stop telling. */
export async function announce(stack: LaptopStack): Promise<() => void> {
  return leaveNote(discoveryFile(stack.dir), serialize(stack));
}

/** The running stack of a folder. @throws FlowError unavailable where none runs, refused where others could have written the file */
export async function findStack(dir: string): Promise<LaptopStack> {
  const hint = `start it with \`flows dev${dir === 'flows' ? '' : ` --dir ${dir}`}\`, or choose another environment with --environment`;
  const text = readNote(discoveryFile(dir), 'the stack');
  if (text === undefined) throw new FlowError('unavailable', 'the development stack is not running', { hint });
  const stack = parse(text);
  if (stack === undefined || !isAlive(stack.pid) || !(await answers(stack.vault.address))) {
    throw new FlowError('unavailable', 'the development stack is not running: what it left behind is stale', { hint });
  }
  return stack;
}

/** The file is this user's alone: the one place where the laptop's own tokens are written, and they end with the stack. */
function serialize(stack: LaptopStack): string {
  const plain = (value: unknown): unknown => {
    if (value instanceof Secret) return { secret: value.reveal() };
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plain(part)]));
  };
  return `${JSON.stringify(plain(stack), undefined, 2)}\n`;
}

function parse(text: string): LaptopStack | undefined {
  const revive = (_: string, value: unknown) => {
    if (typeof value !== 'object' || value === null || !('secret' in value)) return value;
    return new Secret(String(value.secret));
  };
  try {
    const stack: unknown = JSON.parse(text, revive);
    return isStack(stack) ? stack : undefined;
  } catch {
    return undefined;
  }
}

function isStack(value: unknown): value is LaptopStack {
  if (typeof value !== 'object' || value === null) return false;
  return 'pid' in value && typeof value.pid === 'number' && 'vault' in value && 'ordersApi' in value;
}

/** A process number is used again; a port that answers is not. */
function answers(address: string): Promise<boolean> {
  const { hostname, port } = new URL(address);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port), timeout: 1_000 });
    const end = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
    socket.once('timeout', () => end(false));
  });
}
