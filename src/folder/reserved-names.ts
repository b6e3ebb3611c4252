/** The commands that there are; the command's table has exactly these. */
export const commandNames = [
  'agent-runs',
  'agents',
  'approvals',
  'approve',
  'approvers',
  'audit',
  'check',
  'completion',
  'deny',
  'dev',
  'drill',
  'exec',
  'help',
  'hook',
  'init',
  'mask',
  'mcp',
  'migrate',
  'page',
  'policy',
  'read',
  'rotate',
  'run',
  'runs',
  'serve',
  'trace',
  'version',
] as const;
export type CommandName = (typeof commandNames)[number];

/** Commands to come: a folder of today has no flow in their way. */
const laterCommands = ['cache', 'inventory', 'lock', 'unlock'] as const;

/** The MCP tools that are always there; the table of tools has exactly these. */
const fixedToolNames = [
  'list_flows',
  'describe_flow',
  'run_reading_flow',
  'plan_flow',
  'run_flow',
  'get_run',
  'check_access',
] as const;
export type FixedToolName = (typeof fixedToolNames)[number];

export function isFixedTool(name: string): name is FixedToolName {
  return fixedToolNames.some((each) => each === name);
}

/** A flow's name as a tool's: some models take no hyphen. */
export function toolNameOf(flow: string): string {
  return flow.replaceAll('-', '_');
}

/** Files that are not flows. */
const otherFiles: ReadonlySet<string> = new Set([
  'service',
  'policy',
  'registry',
  'development',
  'policy.test',
  'migration',
]);

const flowName = /^[a-z][a-z0-9-]*$/;

/** What the file of a flow says of the flow's name; undefined where it is no file of a flow. */
export function flowNameOf(file: string): string | undefined {
  const name = file.endsWith('.yaml') ? file.slice(0, -'.yaml'.length) : undefined;
  return name === undefined || otherFiles.has(name) ? undefined : name;
}

/** Why no flow may have this name, and what to do about it; undefined where it may. */
export function nameTrouble(name: string): readonly [message: string, hint: string] | undefined {
  const among = (names: readonly string[]) => names.includes(name);
  if (among(commandNames)) return [`"${name}" is a command, and no flow's name`, 'rename the file'];
  if (among(laterCommands)) return [`"${name}" is reserved for a command, and no flow's name`, 'rename the file'];
  if (flowName.test(name)) return undefined;
  return [`"${name}" is not a flow's name`, 'lower-case letters, digits and hyphens, beginning with a letter'];
}

/** The options of every command, and those of a flow's run; the command's tables have exactly these. */
export const commonOptionNames = ['dir', 'environment', 'help', 'version', 'color', 'debug'] as const;
/** Of a run's options those about what it writes: with one of them it is run here, never by a broker. */
export const writeOptionNames = [
  'plan',
  'detailed-exitcode',
  'yes',
  'overwrite',
  'adopt',
  'strict',
  'prune-most',
  'accept-gap',
] as const;
export const runOptionNames = ['json', 'reveal', 'header', ...writeOptionNames] as const;
export type CommonOption = (typeof commonOptionNames)[number];
export type RunOption = (typeof runOptionNames)[number];

/** No input may be named as one of these. */
export const reservedInputs: ReadonlySet<string> = new Set([
  ...commonOptionNames,
  ...runOptionNames,
  'no-color',
  'quiet',
  'online',
  'setup',
  'once',
  'port',
  'host',
]);
