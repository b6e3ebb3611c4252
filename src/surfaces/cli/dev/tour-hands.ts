import { execFile, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { z } from 'zod';
import { FlowError } from '../../../foundation/errors.ts';
import type { DevBroker } from './laptop-broker.ts';

/** What a command that asks the broker as the tour's agent has around it. */
function environmentOf({ url, tokenFile }: DevBroker): NodeJS.ProcessEnv {
  return { ...process.env, FLOWS_BROKER: url, FLOWS_AGENT_TOKEN_FILE: tokenFile };
}

/** A program with a value that shows it: what it prints, as it is seen. */
export async function programOf(
  broker: DevBroker,
  name: string,
  [node = '', ...command]: readonly string[],
): Promise<string> {
  const program = ['sh', '-c', 'echo "asks with $OPENAI_API_KEY"'];
  const words = [...command, 'exec', '--secret', `OPENAI_API_KEY=${name}`, '--', ...program];
  const { stdout } = await promisify(execFile)(node, words, { env: environmentOf(broker) });
  if (stdout !== 'asks with [OPENAI_API_KEY]\n')
    throw new FlowError('internal', 'what a program printed is not masked');
  return `a program with it prints: ${stdout.trimEnd()}`;
}

/** milliseconds that a model's tool may take */
const patience = 120_000;

const answered = z.object({
  id: z.literal(2),
  result: z.object({ structuredContent: z.object({ output: z.object({ handle: z.string(), is: z.string() }) }) }),
});

/** A model that calls a tool: what it is given where a token would be. */
export async function toolCallOf(
  broker: DevBroker,
  flow: string,
  [node = '', ...command]: readonly string[],
): Promise<string> {
  const signal = AbortSignal.timeout(patience);
  const server = spawn(node, [...command, 'mcp'], {
    env: environmentOf(broker),
    stdio: ['pipe', 'pipe', 'ignore'],
    signal,
  });
  // that it could not be started, or was ended, is told by what it never said
  server.on('error', () => undefined);
  server.stdin.on('error', () => undefined);
  const send = (message: object) => server.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  const client = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'tour', version: '1' } };
  send({ id: 1, method: 'initialize', params: client });
  send({ method: 'notifications/initialized' });
  send({ id: 2, method: 'tools/call', params: { name: 'run_reading_flow', arguments: { flow } } });
  try {
    for await (const line of createInterface(server.stdout)) {
      const { success, data } = answered.safeParse(JSON.parse(line));
      if (!success) continue;
      const { handle, is } = data.result.structuredContent.output;
      return `a model's tool answers with a handle, no ${is}: ${handle}`;
    }
  } finally {
    server.stdin.end();
  }
  throw new FlowError('internal', 'the tool gave no handle');
}
