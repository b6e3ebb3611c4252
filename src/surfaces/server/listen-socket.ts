import { chmodSync, lstatSync, rmSync, statSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { dirname, resolve } from 'node:path';
import { FlowError } from '../../foundation/errors.ts';

/**
 * Listens on a Unix socket that only this user can reach: mode 0600 from the moment it is there.
 * @throws FlowError conflict where somebody answers on it, refused where it is no socket or its folder is not safe
 */
export async function listenOnSocket(server: Server, path: string): Promise<void> {
  requireSafeFolder(path);
  await removeStale(path);
  // nobody may connect between bind and chmod; bind happens before listen returns
  const before = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen({ path }, () => {
        server.off('error', reject);
        resolve();
      });
      process.umask(before);
    });
  } catch (cause) {
    throw new FlowError('unavailable', `cannot listen on ${path}`, {
      hint: 'its folder must exist and be yours; a path has at most 100 bytes',
      cause,
    });
  } finally {
    process.umask(before);
  }
  chmodSync(path, 0o600);
}

/** Where others may write, they may put another socket in its place. */
function requireSafeFolder(path: string): void {
  const folder = statSync(dirname(resolve(path)), { throwIfNoEntry: false });
  if (folder === undefined) {
    throw new FlowError('refused', `there is no folder for ${path}`, { hint: 'make it, with mode 0700' });
  }
  const [sticky, othersWrite] = [(folder.mode & 0o1000) !== 0, (folder.mode & 0o022) !== 0];
  if (othersWrite && !sticky) {
    throw new FlowError('refused', `others may write in the folder of ${path}`, { hint: 'choose one with mode 0700' });
  }
}

async function removeStale(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new FlowError('refused', `${path} is there and no socket`, { hint: 'name another path' });
  }
  if (await answers(path)) {
    throw new FlowError('conflict', `a server answers on ${path}`, { hint: 'stop it, or name another path' });
  }
  rmSync(path, { force: true });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path, timeout: 1_000 });
    const end = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.once('connect', () => end(true));
    // busy is alive: only a refusal says that nobody listens
    socket.once('error', (error: NodeJS.ErrnoException) =>
      end(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'),
    );
    socket.once('timeout', () => end(true));
  });
}
