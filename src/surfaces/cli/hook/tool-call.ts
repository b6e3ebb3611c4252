import { quoted } from '../../../foundation/shell-words.ts';

/** What an agent's harness tells of a tool that is about to be used, or was. */
export interface ToolCall {
  readonly moment: 'before' | 'after';
  /** who reads the answer: Claude Code and Codex have one format */
  readonly harness: 'claude' | 'cursor';
  /** scripts of shells that would be run */
  readonly scripts: readonly string[];
  /** files that would be read */
  readonly files: readonly string[];
  /** where its paths begin; undefined: where this process is */
  readonly folder: string | undefined;
  /** what the tool gets, or what it gave */
  readonly content: unknown;
}

/**
 * The call in what a harness wrote. Undefined: there is nothing to guard in it.
 * @throws SyntaxError where it is no JSON
 */
export function toolCallIn(text: string): ToolCall | undefined {
  const event = recordOf(JSON.parse(text));
  const name = event['hook_event_name'];
  const [folder] = textsIn(event['cwd']);
  switch (name) {
    case 'PreToolUse':
      return { moment: 'before', harness: 'claude', folder, ...askedOf(event), content: event['tool_input'] };
    case 'PostToolUse':
      return { moment: 'after', harness: 'claude', folder, scripts: [], files: [], content: event['tool_response'] };
    case 'preToolUse':
    case 'beforeMCPExecution':
      return { moment: 'before', harness: 'cursor', folder, ...askedOf(event), content: event['tool_input'] };
    case 'beforeShellExecution':
      return {
        moment: 'before',
        harness: 'cursor',
        folder,
        scripts: textsIn(event['command']),
        files: [],
        content: event['command'],
      };
    case 'beforeReadFile':
    case 'beforeTabFileRead':
      return {
        moment: 'before',
        harness: 'cursor',
        folder,
        scripts: [],
        files: textsIn(event['file_path']),
        content: event['content'],
      };
    default:
      return undefined;
  }
}

/** Tools that show what a file holds, also those of MCP servers. */
const reading = /read|grep|view|cat|open|get_file|fetch/i;
const fileKeys = ['file_path', 'path', 'paths', 'notebook_path', 'filename', 'glob', 'uri'];

function askedOf(event: Readonly<Record<string, unknown>>): Pick<ToolCall, 'scripts' | 'files'> {
  const [tool = ''] = textsIn(event['tool_name']);
  const given = event['tool_input'];
  const input = recordOf(typeof given === 'string' ? jsonOr(given) : given);
  // a patch of Codex is no script: what it holds is written, as by Write
  const command = tool === 'apply_patch' ? [] : input['command'];
  return {
    // Codex may give the words of `bash -lc SCRIPT`
    scripts: Array.isArray(command) ? [textsIn(command).map(quoted).join(' ')] : textsIn(command),
    files: reading.test(tool) ? fileKeys.flatMap((key) => textsIn(input[key])) : [],
  };
}

/** All texts in a value, in their order; the keys of objects are texts too. */
export function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value)) return value.flatMap(textsIn);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) => [key, ...textsIn(each)]);
}

/** The same value with other texts, in the order of {@link textsIn}. */
export function withTexts(value: unknown, next: () => string): unknown {
  if (typeof value === 'string') return next();
  if (Array.isArray(value)) return value.map((each) => withTexts(each, next));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([, each]) => [next(), withTexts(each, next)]));
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What a harness reads where the tool is not to be used. */
export function refusalFor({ harness }: ToolCall, reason: string): unknown {
  if (harness === 'cursor') return { permission: 'deny', user_message: reason, agent_message: reason };
  return {
    hookSpecificOutput: { hookEventName: 'PreToolUse', permissionDecision: 'deny', permissionDecisionReason: reason },
  };
}

/** What a harness reads where the agent is to see something else than the tool gave: of the same shape. */
export function replacementFor(content: unknown, note: string): unknown {
  return { hookSpecificOutput: { hookEventName: 'PostToolUse', updatedToolOutput: content, additionalContext: note } };
}
