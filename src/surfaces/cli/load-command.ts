import { wordsOf } from './arguments.ts';
import type { Invocation } from './main.ts';

/** A command: what it answers is on stdout; its result is the exit code. */
export type Command = (invocation: Invocation) => Promise<number>;

/** Each command in a file of its own, loaded when it is called. */
export const commands: ReadonlyMap<string, () => Promise<Command>> = new Map([
  ['agents', async () => (await import('./commands/agents.ts')).agents],
  ['audit', async () => (await import('./commands/audit.ts')).audit],
  ['check', async () => (await import('./commands/check.ts')).check],
  ['dev', async () => (await import('./commands/dev.ts')).dev],
  ['help', async () => (await import('./commands/help.ts')).help],
  ['init', async () => (await import('./commands/init.ts')).init],
  ['policy', async () => (await import('./commands/policy.ts')).policy],
  ['read', async () => (await import('./commands/run.ts')).read],
  ['run', async () => (await import('./commands/run.ts')).runNamed],
  ['serve', async () => (await import('./commands/serve.ts')).serve],
  ['version', async () => (await import('./commands/version.ts')).version],
]);

/** What the first word calls: a command or its help, else a flow; without one, the list. */
export async function commandOf(name: string | undefined, argv: readonly string[]): Promise<Command> {
  const asked = name ?? (argv.includes('--version') ? 'version' : wantsHelp(argv) ? 'help' : undefined);
  if (asked === undefined) return (await import('./commands/list.ts')).list;
  const command = commands.get(asked);
  // whoever asks what a command does must not find out by its being done; a flow's help is its own
  const ofFlow = asked === 'run' && wordsOf(argv, 2)[1] !== undefined;
  if (command !== undefined && wantsHelp(argv) && !ofFlow) return (await import('./commands/help.ts')).help;
  // no flow has a command's name
  return command === undefined ? (await import('./commands/run.ts')).runFlowByName : command();
}

export function wantsHelp(argv: readonly string[]): boolean {
  return argv.includes('--help');
}
