import { serveStdio, StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import type { Readable, Writable } from 'node:stream';
import type { Door } from './broker-door.ts';
import { createMcpServers } from './server.ts';

export interface StdioOptions {
  /** of this package */
  readonly version: string;
  readonly door: Door;
  readonly input: Readable;
  readonly output: Writable;
  /** ends the session */
  readonly signal: AbortSignal;
  /** one line for a person, on stderr: few clients show it */
  readonly warn: (line: string) => void;
}

/** bytes of one message: what is longer ends the session */
const longestMessage = 10_485_760;

/** Serves one client on two streams, until it or the signal ends the session. */
export async function serveOnStreams({ version, door, input, output, signal, warn }: StdioOptions): Promise<void> {
  const wire = new StdioServerTransport(input, output, { maxBufferSize: longestMessage });
  const over = Promise.withResolvers<void>();
  const close = wire.close.bind(wire);
  wire.close = async () => {
    await close();
    over.resolve();
  };
  const onerror = () => warn('the client sent what is no message of MCP, or more than 10 MiB at once, or went away');
  const handle = serveStdio(createMcpServers({ version, doorOf: () => door }), { transport: wire, onerror });
  signal.addEventListener('abort', () => void handle.close(), { once: true });
  if (signal.aborted) void handle.close();
  await over.promise;
}
