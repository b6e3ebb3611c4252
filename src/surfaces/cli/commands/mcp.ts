import { FlowError } from '../../../foundation/errors.ts';
import type { BrokerPlace } from '../../mcp/client-door.ts';
import { commonArguments, textOf } from '../arguments.ts';
import { chosenBroker } from '../chosen-broker.ts';
import { commandTable } from '../command-table.ts';
import { flowsFolder } from '../flows-folder.ts';
import type { Invocation } from '../invocation.ts';
import { packageVersion } from '../../../foundation/package-files.ts';

/** `flows mcp`: an MCP server on stdin and stdout, for one client, as one agent. */
export async function mcp(invocation: Invocation): Promise<number> {
  const { argv, terminal, signal } = invocation;
  const { values } = commonArguments(argv, commandTable.mcp.options);
  const agent = textOf(values, 'agent');
  const client = values['print-config'];
  if (typeof client === 'string') {
    const { configFor } = await import('../mcp/print-config.ts');
    const { file, text } = configFor(client, flowsFolder(values['dir']), agent);
    terminal.note(`for ${file}:`);
    terminal.out(text);
    return 0;
  }
  const [{ createClientDoor }, { serveOnStreams }] = await Promise.all([
    import('../../mcp/client-door.ts'),
    import('../../mcp/stdio.ts'),
  ]);
  const closing = new AsyncDisposableStack();
  const place = agent === undefined ? () => running(invocation) : ownBroker(invocation, agent, closing);
  const door = createClientDoor(place);
  closing.defer(door.close);
  try {
    await serveOnStreams({
      version: packageVersion(),
      door,
      input: process.stdin,
      output: terminal.stream('out'),
      signal,
      warn: (line) => terminal.tell('warning', line),
    });
  } finally {
    await closing.disposeAsync();
  }
  return 0;
}

/** Looked for with the first call, and whenever it was lost: a client that starts us cannot be told anything before. */
async function running(invocation: Invocation): Promise<BrokerPlace> {
  const broker = await chosenBroker(invocation);
  if (broker === undefined) {
    throw new FlowError('usage', 'nothing says which agent this is', {
      hint: 'set FLOWS_AGENT_TOKEN_FILE in the configuration of the client to a file with what `flows agents add` printed, or give --agent NAME',
    });
  }
  const [claimed, reason] = ['FLOWS_AGENT_RUN_ID', 'FLOWS_REASON'].map((name) => process.env[name] || undefined);
  return { broker: broker.address, token: broker.token, claimed, reason };
}

/** A broker in this process, for the folder, which ends with the session. */
function ownBroker(invocation: Invocation, agent: string, closing: AsyncDisposableStack): () => Promise<BrokerPlace> {
  let opened: Promise<BrokerPlace> | undefined;
  const open = async () => {
    const { openOwnBroker } = await import('../mcp/own-broker.ts');
    const { close, ...place } = await openOwnBroker(invocation, agent);
    closing.defer(close);
    return place;
  };
  return () => {
    opened ??= open();
    opened.catch(() => {
      opened = undefined;
    });
    return opened;
  };
}
