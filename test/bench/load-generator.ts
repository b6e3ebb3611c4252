import { connect, type Socket } from 'node:net';

/** What one run sends, as JSON in the first argument. */
export interface Load {
  readonly host: string;
  readonly port: number;
  /** a whole request, sent again and again */
  readonly request: string;
  readonly connections: number;
  /** milliseconds that are not measured, first */
  readonly warm: number;
  /** milliseconds */
  readonly duration: number;
  /** requests a second, whatever the answers take; undefined: each connection asks again when it is answered */
  readonly rate?: number | undefined;
  /** ends after so many answers instead */
  readonly count?: number | undefined;
}

/** What it saw, as JSON on stdout. */
export interface Seen {
  readonly answers: number;
  /** those that were not measured too */
  readonly all: number;
  /** answers a second */
  readonly rate: number;
  /** milliseconds; with a rate from the planned arrival, so that a wait for a free connection counts */
  readonly p50: number;
  readonly p99: number;
  /** answers that were not 200 */
  readonly other: number;
}

interface Connection {
  readonly socket: Socket;
  /** when the request that it waits for was due */
  due: number;
}

/** Asks over kept connections, by bytes on sockets: an HTTP client would cost more than the servers that are measured. */
async function measure(load: Load): Promise<Seen> {
  const { host, port, connections, warm, duration, rate, count = Infinity } = load;
  const bytes = Buffer.from(load.request, 'latin1');
  const latencies: number[] = [];
  const idle: Connection[] = [];
  const late: number[] = [];
  let other = 0;
  let answered = 0;
  let over = false;
  const { promise, resolve, reject } = Promise.withResolvers<void>();

  const send = (connection: Connection, due: number) => {
    connection.due = due;
    connection.socket.write(bytes);
  };

  const free = (connection: Connection) => {
    if (over) return;
    if (rate === undefined) send(connection, performance.now());
    else if (late.length > 0) send(connection, late.shift() ?? 0);
    else idle.push(connection);
  };

  const open = () =>
    new Promise<Connection>((opened) => {
      const socket = connect({ host, port, noDelay: true }, () => opened(connection));
      const connection: Connection = { socket, due: 0 };
      let rest: Buffer | undefined;
      socket.on('error', reject).on('data', (chunk: Buffer) => {
        const all = rest === undefined ? chunk : Buffer.concat([rest, chunk]);
        const end = endOfAnswer(all);
        rest = end === undefined ? all : undefined;
        if (end === undefined) return;
        const now = performance.now();
        answered += 1;
        if (now >= from) {
          latencies.push(now - connection.due);
          if (all[9] !== 0x32) other += 1; // the first digit of `HTTP/1.1 200`
          if (latencies.length >= count) finish();
        }
        free(connection);
      });
      socket.on('close', () => over || reject(new Error('a connection was closed')));
    });

  const finish = () => {
    over = true;
    resolve();
  };

  let from = Infinity;
  const opened = await Promise.all(Array.from({ length: connections }, open));
  const started = performance.now();
  from = started + warm;
  for (const connection of opened) free(connection);
  if (count === Infinity) setTimeout(finish, warm + duration);
  if (rate !== undefined) {
    // the same arrivals for every server: random ones (exponential gaps) of one seed
    const random = randomOf(42);
    let due = started;
    const arrive = () => {
      const now = performance.now();
      for (; due <= now; due += (-Math.log(1 - random()) * 1_000) / rate) {
        const connection = idle.pop();
        if (connection === undefined) late.push(due);
        else send(connection, due);
      }
      // a timer is a millisecond late: this process has a core of its own to look at the clock
      if (!over) setImmediate(arrive);
    };
    arrive();
  }
  await promise;
  const took = performance.now() - from;
  for (const { socket } of opened) socket.destroy();
  const sorted = latencies.toSorted((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Infinity;
  return {
    answers: sorted.length,
    all: answered,
    rate: (sorted.length * 1_000) / took,
    p50: at(0.5),
    p99: at(0.99),
    other,
  };
}

/** Where a whole answer ends; undefined while some of it is missing. */
function endOfAnswer(bytes: Buffer): number | undefined {
  const head = bytes.indexOf('\r\n\r\n');
  if (head === -1) return undefined;
  const length = /content-length: (\d+)/i.exec(bytes.toString('latin1', 0, head))?.[1];
  const end = head + 4 + Number(length);
  return bytes.length < end ? undefined : end;
}

/** Mulberry32: numbers in 0–1 that are the same in every run. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

if (import.meta.main) {
  process.stdout.write(JSON.stringify(await measure(JSON.parse(process.argv[2] ?? '{}') as Load)));
}
