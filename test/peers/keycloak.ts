import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { FlowError } from '../../src/foundation/errors.ts';
import { hasProgram, installPackages } from '../programs.ts';
import { freePort } from './python.ts';

const run = promisify(execFile);
const version = '26.7.3';
const artifact = `org.keycloak:keycloak-quarkus-dist:${version}:tar.gz`;

/** A real Keycloak, in memory, on loopback. */
export interface Keycloak {
  /** `http://localhost:PORT` */
  readonly url: string;
  /** The Admin REST API, below `/admin/realms`. @throws Error where it does not answer 2xx */
  admin(method: string, path: string, body?: unknown): Promise<Response>;
  stop(): Promise<void>;
}

/** Starts it, with its SCIM API and its rotation of client secrets (both previews). It is downloaded once, and kept in the temporary folder. */
export async function startKeycloak(): Promise<Keycloak> {
  const home = await installed();
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const admin = { id: 'test-admin', secret: randomBytes(24).toString('base64url') };
  const options = [
    '--http-port',
    String(port),
    '--db',
    'dev-mem',
    '--features',
    'scim-api,client-secret-rotation',
    '--cache',
    'local',
  ];
  const child = spawn(join(home, 'bin', 'kc.sh'), ['start-dev', ...options], {
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: home,
      ...(process.env['JAVA_HOME'] === undefined ? {} : { JAVA_HOME: process.env['JAVA_HOME'] }),
      // C1 alone: it starts in half the CPU time
      JAVA_OPTS_APPEND: '-XX:TieredStopAtLevel=1',
      KC_BOOTSTRAP_ADMIN_CLIENT_ID: admin.id,
      KC_BOOTSTRAP_ADMIN_CLIENT_SECRET: admin.secret,
    },
    // a group of its own: kc.sh starts Java beside itself while it builds
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  const hear = (text: Buffer) => {
    said = `${said}${text.toString()}`.slice(-4_000);
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  const ended = new Promise<void>((resolve) => void child.once('close', () => resolve()));
  const stop = async () => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) signal(child.pid, 'SIGTERM');
    const late = setTimeout(() => child.pid !== undefined && signal(child.pid, 'SIGKILL'), 15_000);
    await ended;
    clearTimeout(late);
  };
  const leave = () => child.pid !== undefined && signal(child.pid, 'SIGKILL');
  process.once('exit', leave);
  void ended.then(() => process.off('exit', leave));

  const until = Date.now() + 300_000;
  while (!(await answers(`${url}/realms/master/.well-known/openid-configuration`))) {
    if (child.exitCode !== null || Date.now() > until) {
      await stop();
      throw new Error(`Keycloak did not start:\n${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  return {
    url,
    stop,
    async admin(method, path, body) {
      const response = await fetch(`${url}/admin/realms${path}`, {
        method,
        headers: { authorization: `Bearer ${await adminToken(url, admin)}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
      return response;
    },
  };
}

/** It lives a minute only, so each call has its own. */
async function adminToken(url: string, admin: { readonly id: string; readonly secret: string }): Promise<string> {
  const response = await fetch(`${url}/realms/master/protocol/openid-connect/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: admin.id,
      client_secret: admin.secret,
    }),
  });
  const { access_token: token } = (await response.json()) as { access_token?: string };
  if (token === undefined) throw new Error(`no token for the Admin API: ${response.status}`);
  return token;
}

async function installed(): Promise<string> {
  const folder = join(tmpdir(), `flows-peers-${userInfo().uid}`);
  const home = join(folder, `keycloak-${version}`);
  if (existsSync(home)) return home;
  if (!hasProgram('java') || !hasProgram('mvn')) installPackages('default-jre-headless', 'maven');
  if (!hasProgram('java') || !hasProgram('mvn')) {
    throw new Error('Keycloak needs Java 17 or newer, and Maven to download it: install java and mvn');
  }
  const making = `${home}.${process.pid}`;
  await rm(making, { recursive: true, force: true });
  await mkdir(making, { recursive: true, mode: 0o700 });
  try {
    // copied and unpacked by tar: Maven's own unpacking cuts long file names
    const copy = ['-q', '-B', 'dependency:copy', `-Dartifact=${artifact}`, `-DoutputDirectory=${making}`];
    await run('mvn', copy, { cwd: making, timeout: 600_000 });
    const archive = join(making, `keycloak-quarkus-dist-${version}.tar.gz`);
    await run('tar', ['xzf', archive, '-C', making, '--strip-components', '1']);
    await rm(archive);
    await rename(making, home);
  } catch (error) {
    await rm(making, { recursive: true, force: true });
    // another run was faster
    if (!existsSync(home)) throw error;
  }
  return home;
}

function signal(group: number, name: NodeJS.Signals): void {
  try {
    process.kill(-group, name);
  } catch {
    // it has ended
  }
}

async function answers(address: string): Promise<boolean> {
  return fetch(address).then(
    ({ status }) => status === 200,
    () => false,
  );
}

/** The code that work fails with; what it throws where that is no FlowError, undefined where it succeeds. */
export async function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => (error instanceof FlowError ? error.code : error),
  );
}
