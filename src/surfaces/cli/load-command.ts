import type { CommandName } from '../../folder/reserved-names.ts';
import { wantsHelp, wordsOf } from './arguments.ts';
import { isCommand } from './command-table.ts';
import type { Command } from './invocation.ts';

/** Each command in a file of its own, loaded when it is called. */
const loaders: Readonly<Record<CommandName, () => Promise<Command>>> = {
  'agent-runs': async () => (await import('./commands/agent-runs.ts')).agentRuns,
  agents: async () => (await import('./commands/agents.ts')).agents,
  approvals: async () => (await import('./commands/approvals.ts')).approvals,
  approve: async () => (await import('./commands/approvals.ts')).approve,
  approvers: async () => (await import('./commands/approvers.ts')).approvers,
  audit: async () => (await import('./commands/audit.ts')).audit,
  check: async () => (await import('./commands/check.ts')).check,
  completion: async () => (await import('./commands/completion.ts')).completion,
  deny: async () => (await import('./commands/approvals.ts')).deny,
  dev: async () => (await import('./commands/dev.ts')).dev,
  drill: async () => (await import('./commands/drill.ts')).drill,
  exec: async () => (await import('./commands/exec.ts')).exec,
  help: async () => (await import('./commands/help.ts')).help,
  hook: async () => (await import('./commands/hook.ts')).hook,
  init: async () => (await import('./commands/init.ts')).init,
  mcp: async () => (await import('./commands/mcp.ts')).mcp,
  mask: async () => (await import('./commands/mask.ts')).mask,
  migrate: async () => (await import('./commands/migrate.ts')).migrate,
  page: async () => (await import('./commands/page.ts')).page,
  policy: async () => (await import('./commands/policy.ts')).policy,
  read: async () => (await import('./commands/read.ts')).read,
  rotate: async () => (await import('./commands/rotate.ts')).rotate,
  run: async () => (await import('./commands/run.ts')).runNamed,
  runs: async () => (await import('./commands/runs.ts')).runs,
  serve: async () => (await import('./commands/serve.ts')).serve,
  trace: async () => (await import('./commands/trace.ts')).trace,
  version: async () => (await import('./commands/version.ts')).version,
};

/** What the first word calls: a command or its help, else a flow; without one, the list. */
export async function commandOf(name: string | undefined, argv: readonly string[]): Promise<Command> {
  const asked = name ?? (argv.includes('--version') ? 'version' : wantsHelp(argv) ? 'help' : undefined);
  if (asked === undefined) return (await import('./commands/list.ts')).list;
  // called by the shells' scripts alone, with the words of another command line
  if (asked === '__complete') return (await import('./commands/complete.ts')).complete;
  // no flow has a command's name
  if (!isCommand(asked)) return (await import('./commands/run.ts')).runFlowByName;
  // whoever asks what a command does must not find out by its being done; a flow's help is its own
  const ofFlow = asked === 'run' && wordsOf(argv, 2)[1] !== undefined;
  return loaders[wantsHelp(argv) && !ofFlow ? 'help' : asked]();
}
