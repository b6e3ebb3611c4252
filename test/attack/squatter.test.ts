import { writeFileSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createClient } from '../../src/client.ts';
import { ownCertificate } from '../../src/surfaces/server/own-certificate.ts';
import { repository } from '../e2e/home.ts';
import { python } from '../programs.ts';
import { startTarget, type Target } from './stand.ts';

let target: Target;
let file = '';
const before = process.env['XDG_STATE_HOME'];

beforeAll(async () => {
  target = await startTarget();
  process.env['XDG_STATE_HOME'] = target.home.env['XDG_STATE_HOME'];
  file = join(target.home.path, 'codex.token');
  writeFileSync(file, `${target.tokens.codex}\n`, { mode: 0o600 });
});
afterAll(async () => {
  if (before === undefined) delete process.env['XDG_STATE_HOME'];
  else process.env['XDG_STATE_HOME'] = before;
  await target?.close();
});

/** Everybody who sends a bearer: what each comes to. */
async function everybody(): Promise<readonly unknown[]> {
  const broker = `http://127.0.0.1:${target.port}`;
  const env = { FLOWS_BROKER: broker, FLOWS_AGENT_TOKEN_FILE: file };
  const command = await target.home.flows(['orders-token'], { env });
  const client = createClient({ broker, token: { file }, deadline: 5_000 });
  const library = await client.token('orders-token').then(
    () => 'given',
    (error: unknown) => (error as { code?: string }).code,
  );
  client.close();
  if (!python) return [command.code, library];
  const program = `import sys; sys.path.insert(0, ${JSON.stringify(join(repository, 'infra/examples'))})
from agent import Broker, BrokerError
try: print('given' if Broker(${JSON.stringify(broker)}, ${JSON.stringify(file)}).token('orders-token') else '')
except BrokerError as error: print(error.code)`;
  const example = await target.home.start([], { program: ['python3', '-I', '-B', '-c', program] }).ended;
  return [command.code, library, example.stdout.trim()];
}

const given = python ? [0, 'given', 'given'] : [0, 'given'];
const refused = python ? [2, 'unsafe', 'unsafe'] : [2, 'unsafe'];

test('who takes the broker’s port while it is down gets no bearer of an agent', async () => {
  expect(await everybody()).toEqual(given);
  // killed: its note stays, and names the port as its own
  target.served.child.kill('SIGKILL');
  await target.served.ended;

  const heard: Buffer[] = [];
  const hear = (request: IncomingMessage, response: ServerResponse) => {
    heard.push(Buffer.from(JSON.stringify(request.rawHeaders)));
    response.setHeader('content-type', 'application/json').end('{"access_token":"a","token_type":"Bearer"}');
  };
  const plain = createHttpServer(hear);
  const secure = createTlsServer({ ...ownCertificate(Buffer.alloc(32, 'squatter'), '127.0.0.1') }, hear);
  // as a clever one would: it speaks both, with a certificate that says what ours says
  const squatter = createServer((socket) => {
    socket
      .on('error', () => socket.destroy())
      .once('data', (first: Buffer) => {
        heard.push(first);
        socket.pause();
        socket.unshift(first);
        (first[0] === 0x16 ? secure : plain).emit('connection', socket);
        process.nextTick(() => socket.resume());
      });
  });
  await new Promise<void>((listening) => squatter.listen(target.port, '127.0.0.1', listening));
  try {
    // it would have been heard
    const response = await fetch(`http://127.0.0.1:${target.port}/`, { headers: { authorization: 'Bearer mine' } });
    expect([response.status, Buffer.concat(heard).toString()]).toEqual([200, expect.stringContaining('Bearer mine')]);
    expect(await everybody()).toEqual(refused);
    expect(heard.length).toBeGreaterThan(3);
    expect(Buffer.concat(heard).toString('latin1')).not.toContain(target.tokens.codex);
  } finally {
    squatter.close();
  }
});
