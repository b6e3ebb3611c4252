import { readSync, realpathSync } from 'node:fs';
import { stateFolder } from '../../../foundation/state-folder.ts';
import { commonArguments } from '../arguments.ts';
import { commandTable } from '../command-table.ts';
import { apart, joined } from '../hook/joined-texts.ts';
import { judge, type Known } from '../hook/judge.ts';
import { textsIn, type ToolCall, toolCallIn } from '../hook/tool-call.ts';
import type { Invocation } from '../invocation.ts';

/** what every harness takes for a no, without looking at stdout */
const refused = 2;
/** milliseconds: an agent waits for it at each of its steps */
const patience = 5_000;

/** `flows hook`: what a harness asks before and after a tool is used. */
export async function hook(invocation: Invocation): Promise<number> {
  const { argv, terminal } = invocation;
  const { values } = commonArguments(argv, commandTable.hook.options);
  if (values['install'] !== undefined) {
    const { install } = await import('../hook/install.ts');
    return install(String(values['install']), values['yes'] === true, terminal);
  }
  // nothing is to be ended in order: a signal while it is read ends the whole
  invocation.leaveSignals();
  try {
    const call = toolCallIn(await wholeInput());
    const answer =
      call === undefined ? {} : judge(call, { ...(await inspectionOf(call, invocation)), own: ownFiles() });
    terminal.out(`${JSON.stringify(answer)}\n`);
    return 0;
  } catch (error) {
    // of this and of no other exit code a harness knows that it is a no; what is too deep to be gone through is no JSON for it
    const why = error instanceof SyntaxError || error instanceof RangeError ? 'is no JSON' : 'is not understood';
    terminal.tell('error', `refused: the input ${why}, so it is not known what would be done; a harness sends JSON`);
    return refused;
  }
}

/** stdin without its stream, which takes as long as to ask the broker. */
async function wholeInput(): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for (let length = -1; length !== 0;) {
      const chunk = Buffer.allocUnsafe(65_536);
      length = readSync(0, chunk);
      chunks.push(chunk.subarray(0, length));
    }
  } catch (error) {
    // a pipe that does not wait
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    chunks.push(...((await process.stdin.toArray()) as Buffer[]));
  }
  return Buffer.concat(chunks).toString();
}

/** What the broker knows, where one is set; what policy.yaml says here, where none is. */
async function inspectionOf(call: ToolCall, invocation: Invocation): Promise<Omit<Known, 'own'>> {
  const { taken, terminal } = invocation;
  // by itself: the words on the wire come with the client, which is loaded where it is needed
  const rules = { files: [], commands: [], allow: [] };
  const nothing = { found: [], rules, environments: [] };
  try {
    const asks = [process.env['FLOWS_BROKER'], process.env['FLOWS_AGENT_TOKEN_FILE']].some(Boolean);
    if (!asks && taken.secret('FLOWS_AGENT_TOKEN') === undefined)
      return {
        ...nothing,
        rules: { ...rules, ...(await (await import('../hook/written-rules.ts')).writtenRules(invocation)) },
      };
    const { chosenBroker } = await import('../chosen-broker.ts');
    const broker = await chosenBroker(invocation);
    const signal = AbortSignal.timeout(patience);
    const texts = textsIn(call.content);
    const { text, whole } = joined(texts);
    const seen = await broker?.ask((client) => client.inspect([text], { signal }));
    if (seen === undefined) return nothing;
    if (!whole) terminal.tell('warning', `values are compared in the first ${text.length} characters alone`);
    return { ...seen, found: apart(seen.found, texts) };
  } catch (error) {
    const why = error instanceof Error ? error.message : 'the broker does not answer';
    terminal.tell('warning', `values are not compared: ${why}`);
    return nothing;
  }
}

/** The token's file, and the folder with all that this user's brokers and laptops leave for each other. */
function ownFiles(): readonly string[] {
  const token = process.env['FLOWS_AGENT_TOKEN_FILE'] || undefined;
  return [...(token === undefined ? [] : [token]), stateFolder()].flatMap((path) => {
    try {
      return [realpathSync(path)];
    } catch {
      return [];
    }
  });
}
