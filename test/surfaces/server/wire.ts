import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export function addressOf(url: string): NetConnectOpts {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}

/**
 * What comes back for some bytes, until the other side ends or nothing more comes for a while. For several answers, or
 * one that comes in parts, let the other side end, and wait for that.
 * @param quiet milliseconds, of which those count that this process does not stand still
 * @param patience milliseconds until something must have come
 */
export async function exchange(
  to: NetConnectOpts,
  bytes: string | Buffer,
  quiet = 100,
  patience = 60_000,
): Promise<string> {
  const socket = connect(to);
  const chunks: Buffer[] = [];
  let turns = 0;
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    turns = 0;
  });
  socket.on('error', () => undefined);
  socket.write(bytes);
  const started = performance.now();
  while (!socket.closed && (chunks.length === 0 ? performance.now() - started < patience : turns * 5 < quiet)) {
    await sleep(5);
    turns += 1;
  }
  socket.destroy();
  return Buffer.concat(chunks).toString('latin1');
}

/** Resolves with all that came, when the other side ends. */
export function untilClosed(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  return new Promise((resolve) => {
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
  });
}

export interface Parsed {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

/** The first answer in some bytes, with its headers in order and as they were written. */
export function parseAnswer(text: string): Parsed {
  const end = text.indexOf('\r\n\r\n');
  const [status = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers = lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
  });
  return { status: Number(status.split(' ')[1]), headers, body: text.slice(end + 4) };
}

export function header({ headers }: Parsed, name: string): string | undefined {
  return headers.find(([each]) => each.toLowerCase() === name)?.[1];
}
