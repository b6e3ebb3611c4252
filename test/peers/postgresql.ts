import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, globSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installPackages } from '../programs.ts';

/** A PostgreSQL server of our own on loopback, in a temporary folder. */
export interface PostgresqlServer {
  /** makes an empty database, and gives its address */
  fresh(): string;
  /** Ends it at once, as a crash does, and starts it again. */
  restart(): Promise<void>;
  /** runs a statement as the superuser */
  sql(statement: string, database?: string): string;
  /** the folder of its pages and its write-ahead log */
  readonly folder: string;
  close(): Promise<void>;
}

/** As root it runs as the user `postgres`, since it refuses to be root; else as whoever runs the tests. */
export async function startPostgresql(): Promise<PostgresqlServer> {
  let [bin] = programs();
  if (bin === undefined) {
    installPackages('postgresql');
    [bin] = programs();
  }
  if (bin === undefined) throw new Error('install PostgreSQL: its initdb was not found below /usr/lib/postgresql');
  const programsFolder = bin;
  const owner = process.getuid?.() === 0 ? ownerOf('postgres') : undefined;
  const folder = mkdtempSync(join(tmpdir(), 'postgresql-'));
  if (owner !== undefined) chownSync(folder, owner.uid, owner.gid);
  const data = join(folder, 'data');
  const asOwner = { ...owner, cwd: folder };
  execFileSync(join(programsFolder, 'initdb'), ['-D', data, '-U', 'owner', '-A', 'trust', '-N'], asOwner);
  const port = await freePort();
  let server: ChildProcess | undefined;

  const address = (database: string) => `postgresql://owner:hunter22@127.0.0.1:${port}/${database}`;
  const sql = (statement: string, database = 'postgres') =>
    execFileSync(join(programsFolder, 'psql'), ['-XqAt', '-v', 'ON_ERROR_STOP=1', '-c', statement, address(database)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const start = async () => {
    const settings = [`port=${port}`, 'listen_addresses=127.0.0.1', `unix_socket_directories=${folder}`, 'fsync=off'];
    const words = ['-D', data, ...settings.flatMap((setting) => ['-c', setting])];
    server = spawn(join(programsFolder, 'postgres'), words, { ...asOwner, stdio: 'ignore' });
    for (let tries = 0; ; tries += 1) {
      try {
        sql('select 1');
        return;
      } catch (error) {
        if (tries >= 100) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  };
  const stop = async () => {
    if (server === undefined || server.exitCode !== null) return;
    const ended = once(server, 'exit');
    // SIGQUIT: an immediate shutdown, without a checkpoint
    server.kill('SIGQUIT');
    await ended;
  };
  await start();
  let count = 0;
  return {
    folder,
    sql,
    fresh() {
      const name = `runs${(count += 1)}`;
      sql(`create database ${name}`);
      return address(name);
    },
    async restart() {
      await stop();
      await start();
    },
    async close() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function programs(): readonly string[] {
  return globSync('/usr/lib/postgresql/*/bin/initdb')
    .map((path) => path.replace(/\/initdb$/, ''))
    .toSorted()
    .toReversed();
}

function ownerOf(user: string): { readonly uid: number; readonly gid: number } {
  const id = (flag: string) => Number(execFileSync('id', [flag, user], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}
