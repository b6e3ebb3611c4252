import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createHome, type Home, repository, type Running } from '../e2e/home.ts';
import { inProcess } from './broker-inside.ts';
import { commandThroughBroker } from './broker-command.ts';
import { durableWrite } from './disk.ts';
import type { Load, Seen } from './load-generator.ts';
import { median, row, type Row } from './row.ts';

const path = '/v1/tokens/orders-token';

const bares = {
  express: 'bare Express',
  http: 'bare node:http',
  durable: 'bare node:http with a durable write',
} as const;
type Bare = keyof typeof bares;

interface Target {
  readonly running: Running;
  readonly port: number;
}

/**
 * A cached token from the broker (bearer, policy, an audit trail that is chained and on disk before the answer leaves)
 * against a bare Express route and a bare node:http server that give the same bytes, and one that also has a line on the
 * disk first, which is what this disk leaves to anyone: each in a process of its own on one processor, asked in turn by
 * the same load generator on another.
 */
export async function bench({ short }: { readonly short: boolean }): Promise<Row[]> {
  const home = createHome();
  try {
    home.write('flows/policy.yaml', 'agents:\n  bench:\n    allow: [openai.api_key]\n    flows: [orders-token]\n');
    const stack = await home.stack();
    const added = await home.flows(['agents', 'add', 'bench']);
    if (added.code !== 0) throw new Error(added.stderr);
    const token = added.stdout.trim();
    const tokenFile = join(home.path, 'token');
    writeFileSync(tokenFile, `${token}\n`, { mode: 0o600 });
    const served = await start(home, [process.execPath, join(repository, 'dist/cli.js'), 'serve', '--port', '0']);
    const rows = [
      ...(await durableWrite(home.path)),
      ...(await against(home, served, token, short)),
      ...(await commandThroughBroker(home, { port: served.port, tokenFile, short })),
    ];
    await stop(served);
    return [...rows, ...(await inProcess(home, { stack, token, short, load, requestOf }))];
  } finally {
    await home.close();
  }
}

async function against(home: Home, broker: Target, token: string, short: boolean): Promise<Row[]> {
  const url = `http://127.0.0.1:${broker.port}${path}`;
  const answer = await fetch(url, { method: 'POST', headers: { authorization: `Bearer ${token}` } });
  const body = await answer.text();
  if (answer.status !== 200) throw new Error(`the broker answered ${answer.status}`);
  const names = ['Content-Type', 'Content-Length', 'Cache-Control', 'X-Content-Type-Options', 'X-Request-Id'];
  const same = { headers: Object.fromEntries(names.map((name) => [name, answer.headers.get(name) ?? ''])), body };
  const bare = (kind: string) =>
    start(home, [process.execPath, join(import.meta.dirname, 'bare-server.ts'), kind, JSON.stringify(same)]);
  const targets = {
    broker,
    express: await bare('express'),
    http: await bare('http'),
    durable: await bare('durable'),
  };
  const kinds = ['broker', 'express', 'http', 'durable'] as const;

  const run = async (rate: number | undefined) => {
    const rounds: Record<(typeof kinds)[number], Seen>[] = [];
    for (let round = 0; round < 3; round += 1) {
      const seen = {} as (typeof rounds)[number];
      // whoever comes first does so only once
      for (const kind of [...kinds.slice(round), ...kinds.slice(0, round)]) {
        seen[kind] = await load({
          host: '127.0.0.1',
          port: targets[kind].port,
          request: requestOf(targets[kind].port, token),
          connections: 32,
          warm: short ? 500 : 2_000,
          duration: short ? 1_000 : 8_000,
          rate,
        });
        if (seen[kind].other > 0) throw new Error(`${kind}: ${seen[kind].other} answers were not 200`);
      }
      rounds.push(seen);
    }
    return {
      of: (kind: (typeof kinds)[number], what: 'rate' | 'p50' | 'p99') =>
        median(rounds.map((each) => each[kind][what])),
      ratio: (to: Bare, what: 'rate' | 'p50' | 'p99') =>
        median(rounds.map((each) => each.broker[what] / each[to][what])),
    };
  };

  const full = await run(undefined);
  const common = await run(2_000);
  for (const target of [targets.express, targets.http, targets.durable]) await stop(target);
  const compared = (name: string, seen: Awaited<ReturnType<typeof run>>, what: 'rate' | 'p50' | 'p99', to: Bare) => ({
    name: `${name}, against ${bares[to]}`,
    value: seen.of('broker', what),
    unit: what === 'rate' ? 'answers/s' : 'ms',
    against: seen.of(to, what),
    ratio: seen.ratio(to, what),
  });
  const name = 'a cached token of the broker';
  return [
    row({ ...compared(`${name}, 32 connections`, full, 'rate', 'express'), goal: { atLeast: 0.85 } }),
    row(compared(`${name}, 32 connections`, full, 'rate', 'http')),
    row(compared(`${name}, 32 connections`, full, 'rate', 'durable')),
    row(compared(`${name} at 2,000/s, p50`, common, 'p50', 'express')),
    row({ ...compared(`${name} at 2,000/s, p99`, common, 'p99', 'express'), goal: { atMost: 2.5 } }),
    row(compared(`${name} at 2,000/s, p99`, common, 'p99', 'http')),
    row(compared(`${name} at 2,000/s, p99`, common, 'p99', 'durable')),
  ];
}

/** The request of an agent. */
function requestOf(port: number, token: string): string {
  const head = [
    `POST ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    `Authorization: Bearer ${token}`,
    'Content-Length: 0',
  ];
  return `${head.join('\r\n')}\r\n\r\n`;
}

async function start(home: Home, program: readonly string[]): Promise<Target> {
  const running = home.start([], { program: pinned(0, program) });
  const text = await running.shows(/listening on http:\/\/\S+/);
  return { running, port: Number(/listening on http:\/\/[^:]+:(\d+)/.exec(text)?.[1]) };
}

async function stop({ running }: Target): Promise<void> {
  running.child.kill('SIGTERM');
  await running.ended;
}

/** Runs the load generator on the other processor. */
async function load(wanted: Load): Promise<Seen> {
  const [program = '', ...words] = pinned(1, [
    process.execPath,
    '--no-warnings',
    join(import.meta.dirname, 'load-generator.ts'),
    JSON.stringify(wanted),
  ]);
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  if (code !== 0) throw new Error('the load generator failed');
  return JSON.parse(text) as Seen;
}

/** On one processor, where the system can be told so. */
function pinned(processor: number, program: readonly string[]): readonly string[] {
  return existsSync('/usr/bin/taskset') ? ['/usr/bin/taskset', '-c', String(processor), ...program] : program;
}
