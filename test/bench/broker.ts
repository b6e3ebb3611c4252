import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createHome, type Home, repository } from '../e2e/home.ts';
import { agentRuns } from './agent-runs.ts';
import { inProcess } from './broker-inside.ts';
import { commandThroughBroker } from './broker-command.ts';
import { durableWrite } from './disk.ts';
import { load, loadOn, requestFor, start, stop, type Target, type Worked } from './measured-servers.ts';
import { median, row, type Row } from './row.ts';

const token = { method: 'POST', path: '/v1/tokens/orders-token', body: '' };
/** what each thing is that an agent asks for, and how */
const asked = {
  token,
  // as every HTTP library sends it
  body: { ...token, body: '{}' },
  secret: { method: 'POST', path: '/v1/secrets/resolve', body: '{"secrets":["github.token"]}' },
  // `vault kv get secret/github.token`
  vault: { method: 'GET', path: '/v1/secret/data/github.token', body: '' },
} as const;
type Asked = (typeof asked)[keyof typeof asked];

const bares = {
  express: 'bare Express',
  http: 'bare node:http',
  durable: 'bare node:http with a durable write',
} as const;
type Bare = keyof typeof bares;

/**
 * What is in memory, from the broker (bearer, policy, a chained audit trail before each answer), against a bare Express
 * route and a bare node:http server that give the same bytes, and one that also has a line on the disk first, which is
 * what this disk leaves to anyone who waits for it: each in a process of its own on one processor, asked in turn by the
 * same load generator on another.
 */
export async function bench({ short }: { readonly short: boolean }): Promise<Row[]> {
  const home = createHome();
  try {
    home.write('flows/policy.yaml', 'agents:\n  bench:\n    allow: [github.token]\n    flows: [orders-token]\n');
    const service = readFileSync(join(home.work, 'flows/service.yaml'), 'utf8');
    const withSettings = (settings: string) =>
      home.write(
        'flows/service.yaml',
        service.replace(/^  development:$/m, (line) => `${line}\n    ${settings}`),
      );
    withSettings('server: { vault-api: {} }');
    const stack = await home.stack();
    const added = await home.flows(['agents', 'add', 'bench']);
    if (added.code !== 0) throw new Error(added.stderr);
    const bearer = added.stdout.trim();
    const tokenFile = join(home.path, 'token');
    writeFileSync(tokenFile, `${bearer}\n`, { mode: 0o600 });
    const serve = () => start(home, [process.execPath, join(repository, 'dist/cli.js'), 'serve', '--port', '0']);
    const served = await serve();
    const to = { home, bearer, short };
    const name = 'a cached token of the broker';
    const rows = [
      ...(await durableWrite(home.path)),
      ...(await against({ ...to, broker: served, asked: asked.token, name, bares: ['express', 'http'] })),
      ...(await against({
        ...to,
        broker: served,
        asked: asked.body,
        name: `${name}, asked for with {}`,
        bares: ['express'],
        goals: { express: { rate: 1, p99: 1.5 } },
      })),
      ...(await against({
        ...to,
        broker: served,
        asked: asked.secret,
        name: 'a secret in memory',
        bares: ['express'],
      })),
      ...(await against({
        ...to,
        broker: served,
        asked: asked.vault,
        name: "the same, as Vault's clients read KV",
        bares: ['express'],
      })),
      ...(await commandThroughBroker(home, { port: served.port, tokenFile, short })),
      ...(await agentRuns({
        ...{ port: served.port, bearer, short, load },
        requestOf: (who) => requestFor(asked.token, served.port, who),
      })),
    ];
    await stop(served);
    withSettings('audit: { flush: every }');
    const waiting = await serve();
    rows.push(
      ...(await against({
        ...to,
        broker: waiting,
        asked: asked.token,
        name: `${name}, flush: every`,
        bares: ['durable'],
        goals: { durable: { rate: 0.85, p99: 1.25 } },
      })),
    );
    await stop(waiting);
    home.write('flows/service.yaml', service);
    const requestOf = (port: number) => requestFor(asked.token, port, bearer);
    return [...rows, ...(await inProcess(home, { stack, token: bearer, short, load, requestOf }))];
  } finally {
    await home.close();
  }
}

const units = { rate: 'answers/s', p50: 'ms', p99: 'ms', work: 'µs' } as const;

interface Compared {
  readonly home: Home;
  readonly broker: Target;
  readonly bearer: string;
  readonly asked: Asked;
  readonly name: string;
  readonly bares: readonly Bare[];
  readonly goals?: Partial<Record<Bare, { readonly rate: number; readonly p99: number }>>;
  readonly short: boolean;
}

async function against({ home, broker, bearer, asked, name, bares: kinds, goals, short }: Compared): Promise<Row[]> {
  const url = `http://127.0.0.1:${broker.port}${asked.path}`;
  const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' };
  const { method } = asked;
  const answer = await fetch(url, { method, headers, ...(method === 'POST' && { body: asked.body || '{}' }) });
  const body = await answer.text();
  if (answer.status !== 200) throw new Error(`the broker answered ${answer.status}`);
  const names = ['Content-Type', 'Content-Length', 'Cache-Control', 'X-Content-Type-Options', 'X-Request-Id'];
  const same = { headers: Object.fromEntries(names.map((each) => [each, answer.headers.get(each) ?? ''])), body };
  const targets = new Map<'broker' | Bare, Target>([['broker', broker]]);
  for (const kind of kinds) {
    const program = [process.execPath, join(import.meta.dirname, 'bare-server.ts'), kind, JSON.stringify(same)];
    targets.set(kind, await start(home, program));
  }

  // in short, once what has no goal
  const rounds = short && goals === undefined ? 1 : 3;
  const run = async (rate: number | undefined) => {
    const all: Map<'broker' | Bare, Worked>[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const seen = new Map<'broker' | Bare, Worked>();
      const order = [...targets];
      // whoever comes first does so only once
      for (const [kind, target] of [...order.slice(round % order.length), ...order.slice(0, round % order.length)]) {
        const one = await loadOn(target, {
          request: requestFor(asked, target.port, bearer),
          connections: 32,
          warm: short ? 500 : 2_000,
          duration: short ? 1_000 : 8_000,
          rate,
        });
        if (one.other > 0) throw new Error(`${kind}: ${one.other} answers were not 200`);
        seen.set(kind, one);
      }
      all.push(seen);
    }
    return (kind: Bare, what: keyof typeof units) => {
      const of = (each: 'broker' | Bare) => all.map((seen) => seen.get(each)?.[what] ?? Number.NaN);
      const [ours, theirs] = [of('broker'), of(kind)];
      return {
        value: median(ours),
        unit: units[what],
        against: median(theirs),
        ratio: median(ours.map((value, index) => value / (theirs[index] ?? Number.NaN))),
      };
    };
  };

  const full = await run(undefined);
  const common = await run(2_000);
  for (const [kind, target] of targets) if (kind !== 'broker') await stop(target);
  return kinds.flatMap((kind) => {
    const goal = goals?.[kind];
    const to = `against ${bares[kind]}`;
    return [
      row({
        name: `${name}, 32 connections, ${to}`,
        ...full(kind, 'rate'),
        goal: goal && { atLeast: goal.rate },
      }),
      // what else a machine does changes this least
      row({ name: `${name}, processor time of an answer, ${to}`, ...full(kind, 'work') }),
      row({ name: `${name} at 2,000/s, p50, ${to}`, ...common(kind, 'p50') }),
      row({ name: `${name} at 2,000/s, p99, ${to}`, ...common(kind, 'p99'), goal: goal && { atMost: goal.p99 } }),
    ];
  });
}
