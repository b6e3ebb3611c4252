import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, rename, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { installPackages } from '../programs.ts';

const run = promisify(execFile);

/** A virtual environment with these packages, made once for each set of them and kept in the temporary folder. */
export async function pythonEnvironment(packages: readonly string[]): Promise<string> {
  const digest = createHash('sha256').update(packages.join('\n')).digest('hex').slice(0, 16);
  const folder = join(tmpdir(), `flows-peers-${userInfo().uid}`, digest);
  const isMade = () =>
    access(join(folder, 'bin', 'python')).then(
      () => true,
      () => false,
    );
  if (await isMade()) return folder;
  const making = `${folder}.${process.pid}`;
  await mkdir(join(folder, '..'), { recursive: true, mode: 0o700 });
  await rm(making, { recursive: true, force: true });
  await run('python3', ['-m', 'venv', making]).catch(async () => {
    await rm(making, { recursive: true, force: true });
    // Debian's own Python comes without it
    installPackages('python3', 'python3-venv');
    await run('python3', ['-m', 'venv', making]);
  });
  await run(
    join(making, 'bin', 'python'),
    ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages],
    { timeout: 600_000 },
  );
  try {
    await rename(making, folder);
  } catch (error) {
    await rm(making, { recursive: true, force: true });
    // another suite was faster
    if (!(await isMade())) throw error;
  }
  return folder;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => void server.close(resolve));
  return port;
}

/** Starts a server of the environment as `python -m module` and waits until it answers. */
export async function startPython(
  environment: string,
  args: readonly string[],
  options: { readonly env?: Readonly<Record<string, string>>; readonly ready: string },
): Promise<() => Promise<void>> {
  const child = spawn(join(environment, 'bin', 'python'), args, {
    env: { PATH: process.env['PATH'] ?? '', HOME: environment, ...options.env },
    stdio: 'ignore',
  });
  const ended = new Promise<void>((resolve) => void child.once('exit', () => resolve()));
  const until = Date.now() + 60_000;
  for (;;) {
    const answered = await fetch(options.ready).then(
      (response) => response.status < 500,
      () => false,
    );
    if (answered) break;
    if (child.exitCode !== null || Date.now() > until) throw new Error(`${args.join(' ')} did not start`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return async () => {
    child.kill('SIGTERM');
    await ended;
  };
}
