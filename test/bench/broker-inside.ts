import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Agent, request } from 'node:http';
import { openApp } from '../../src/app/open-app.ts';
import { verifyTrail } from '../../src/audit/verify-trail.ts';
import type { RunningStack } from '../../src/laptop/start-stack.ts';
import { takeEnvironment } from '../../src/foundation/environment-variables.ts';
import type { Reference } from '../../src/foundation/reference.ts';
import { createLogger } from '../../src/surfaces/server/log.ts';
import { serve } from '../../src/surfaces/server/start.ts';
import type { Home } from '../e2e/home.ts';
import type { Load, Seen } from './load-generator.ts';
import { row, type Row } from './row.ts';

export interface Inside {
  readonly stack: RunningStack;
  readonly token: string;
  readonly short: boolean;
  readonly load: (load: Load) => Promise<Seen>;
  /** the request of an agent to a port */
  readonly requestOf: (port: number) => string;
}

const callers = 1_000;

/**
 * The whole broker in this process, over HTTP, where its memory and its calls of services can be looked at: a thousand
 * callers on a cold token, then grants without end, then the trail that they left.
 */
export async function inProcess(home: Home, { stack, token, short, load, requestOf }: Inside): Promise<Row[]> {
  const app = await openApp({
    dir: join(home.work, 'flows'),
    environment: 'development',
    taken: takeEnvironment({}),
  });
  try {
    const service = await serve({
      app,
      listen: { port: 0 },
      log: createLogger('silent'),
      onProblems: (problems) => {
        throw new Error(JSON.stringify(problems));
      },
      warn: (message) => process.stderr.write(`${message}\n`),
      variables: home.env,
    });
    const { vault, derivedKeys } = await app.connections();
    let keys: readonly Uint8Array[];
    const rows: Row[] = [];
    try {
      keys = await derivedKeys('audit');
      rows.push(...(await cold(service.url ?? '', token, stack, vault)));
      const port = Number(new URL(service.url ?? '').port);
      rows.push(...(await memory({ port, request: requestOf(port) }, short, load)));
    } finally {
      await service.close();
    }
    return [...rows, await verified(service.trail, keys)];
  } finally {
    await app.close();
  }
}

async function cold(
  url: string,
  token: string,
  stack: RunningStack,
  vault: { read: (references: readonly Reference[]) => unknown },
): Promise<Row[]> {
  const { read } = vault;
  let reads = 0;
  Object.assign(vault, {
    read: (references: readonly Reference[]) => {
      reads += 1;
      return read(references);
    },
  });
  const before = stack.identityProvider.requests().token;
  const agent = new Agent({ maxSockets: callers });
  const given = await Promise.all(Array.from({ length: callers }, () => ask(url, token, agent)));
  agent.destroy();
  Object.assign(vault, { read });
  const name = `${callers} callers of the broker at once on a cold name`;
  const once = { exactly: 1 };
  const made = stack.identityProvider.requests().token - before;
  return [
    row({ name: `${name}: calls of the vault's read`, value: reads, unit: 'calls', goal: once }),
    row({ name: `${name}: token requests`, value: made, unit: 'requests', goal: once }),
    row({ name: `${name}: tokens given`, value: new Set(given).size, unit: 'tokens', goal: once }),
  ];
}

function ask(url: string, token: string, agent: Agent): Promise<string> {
  const options = { method: 'POST', headers: { authorization: `Bearer ${token}` }, agent };
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/v1/tokens/orders-token`, options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('error', reject).on('end', () => {
        if (response.statusCode !== 200) return reject(new Error(text));
        resolve((JSON.parse(text) as { access_token: string }).access_token);
      });
    });
    sent.on('error', reject).end();
  });
}

/** Grants over HTTP, and what of them is still there after a collection. */
async function memory(
  to: Pick<Load, 'port' | 'request'>,
  short: boolean,
  load: (load: Load) => Promise<Seen>,
): Promise<Row[]> {
  const grants = short ? 100_000 : 1_000_000;
  const asked = { host: '127.0.0.1', ...to, connections: 64, warm: 0, duration: 0 };
  await load({ ...asked, count: 20_000 });
  const heap = await collected();
  const { answers, other } = await load({ ...asked, count: grants });
  const growth = ((await collected()) - heap) / 2 ** 20;
  if (other > 0) throw new Error(`${other} of ${answers} answers were not 200`);
  return [
    row({
      name: `${grants} grants of the broker: growth of the heap`,
      value: Math.max(0, growth),
      unit: 'MiB',
      goal: { atMost: 1 },
    }),
  ];
}

async function verified(trail: string, keys: readonly Uint8Array[]): Promise<Row> {
  const folder = join(trail, '..');
  const number = (file: string) => Number(/\.(\d+)$/.exec(file)?.[1] ?? Infinity);
  const files = readdirSync(folder)
    .map((file) => join(folder, file))
    .filter((file) => file === trail || /^\.\d+$/.test(file.slice(trail.length)))
    .toSorted((a, b) => number(a) - number(b));
  const started = performance.now();
  const { lines, problems } = await verifyTrail(files, keys);
  const took = performance.now() - started;
  if (problems.length > 0) throw new Error(JSON.stringify(problems[0]));
  return row({ name: `verifying the trail of ${lines} lines`, value: (lines * 1_000) / took, unit: 'lines/s' });
}

/** Bytes of the heap that something still refers to, once closed connections are gone. */
async function collected(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let round = 0; round < 3; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    collect();
  }
  return process.memoryUsage().heapUsed;
}
