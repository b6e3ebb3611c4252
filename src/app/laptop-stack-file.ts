import { createHash } from 'node:crypto';
import { readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { LaptopStack } from '../adapters/laptop-stack.ts';
import { FlowError } from '../foundation/errors.ts';
import { Reference } from '../foundation/reference.ts';
import { replaceFile } from '../foundation/replace-file.ts';
import { Secret } from '../foundation/secret.ts';
import { isAlive, stateFolder } from '../foundation/state-folder.ts';

/** The root of the laptop's own keys, where the folder names none for it. */
export const laptopKey = Reference.of({ vault: 'Development', item: 'auth-chain key', field: 'password' });

/** The file by which other terminals find the stack of a folder: mode 0600, in the user's state folder. */
function discoveryFile(dir: string): string {
  const name = createHash('sha256').update(realpathSync(dir)).digest('hex').slice(0, 16);
  return join(stateFolder(), `development-${name}.json`);
}

/** Tells other terminals; returns how to stop telling. */
export async function announce(stack: LaptopStack): Promise<() => void> {
  const file = discoveryFile(stack.dir);
  await replaceFile(file, serialize(stack));
  const silence = () => {
    // another stack may have taken over in between
    if (written(file)?.vault.address === stack.vault.address) rmSync(file, { force: true });
  };
  process.once('exit', silence);
  return () => {
    process.off('exit', silence);
    silence();
  };
}

/** The running stack of a folder. @throws FlowError unavailable where none runs, refused where others could have written the file */
export async function findStack(dir: string): Promise<LaptopStack> {
  const hint = `start it with \`flows dev${dir === 'flows' ? '' : ` --dir ${dir}`}\`, or choose another environment with --environment`;
  const file = discoveryFile(dir);
  const text = read(file);
  if (text === undefined) throw new FlowError('unavailable', 'the development stack is not running', { hint });
  const stack = parse(text);
  if (stack === undefined || !isAlive(stack.pid) || !(await answers(stack.vault.address))) {
    throw new FlowError('unavailable', 'the development stack is not running: what it left behind is stale', { hint });
  }
  return stack;
}

function written(file: string): LaptopStack | undefined {
  try {
    return parse(read(file) ?? '');
  } catch {
    return undefined;
  }
}

function read(file: string): string | undefined {
  try {
    const { uid, mode } = statSync(file);
    if (process.getuid !== undefined && (uid !== process.getuid() || (mode & 0o077) !== 0)) {
      throw new FlowError('refused', `${file} can be read or written by others`, {
        hint: 'remove it, and start the stack again',
      });
    }
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof FlowError) throw error;
    return undefined;
  }
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
