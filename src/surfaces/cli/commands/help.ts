import type { Flow } from '../../../folder/flows/flow.ts';
import { expected } from '../../../folder/flows/inputs.ts';
import { commonOptions, type OptionTable, unexpectedWord, wordsOf } from '../arguments.ts';
import { commands } from '../load-command.ts';
import { optionsOf } from '../flow/flow-options.ts';
import type { Invocation } from '../main.ts';
import { withApp } from '../with-app.ts';
import { columns } from '../terminal.ts';

const usage: readonly (readonly [string, string])[] = [
  ['flows', 'list the flows of the folder'],
  ['flows NAME [--input VALUE …]', 'run a flow; a flow that writes asks first'],
  ['flows NAME --plan', 'show what it would change, and stop'],
  ['flows run NAME', 'the same, whatever commands come later'],
  ['flows read op://…|NAME', 'read one value from the vault; by its name, from the broker; --no-newline'],
  ['flows check', 'check all files, contacting nothing; --json'],
  ['flows check --online', 'ask the vault, issuers and stores whether all is there'],
  ['flows check --setup', 'tell what a real 1Password and AWS need, to paste'],
  ['flows audit', 'what was asked for; --agent, --since, --request, --json'],
  ['flows audit verify', 'whether the audit trail is as it was written'],
  ['flows dev', 'run the laptop stack: vault, identity provider, Secrets Manager; --tour, --once'],
  ['flows agents', 'list the agents; add, rotate, revoke NAME: their tokens'],
  ['flows policy explain', 'tell why an agent may have a secret or flow, or not'],
  ['flows policy test [FILE]', 'ask the policy what its cases ask'],
  ['flows serve', 'answer agents: tokens and secrets by name; --host, --port, --socket, --log-level'],
  ['flows init [FOLDER]', 'write a starting folder'],
  ['flows help [NAME]', 'show this, or the help of a command or flow'],
  ['flows version', 'show the version'],
];

/** `flows help`, `flows --help`, `flows help NAME`, and `flows COMMAND --help`. */
export async function help(invocation: Invocation): Promise<number> {
  const { terminal } = invocation;
  const [first, second, extra] = wordsOf(invocation.argv);
  const name = first === 'help' ? second : first;
  if (name === undefined || commands.has(name)) {
    const head = name === undefined ? '1Password as the trust anchor of a running system.\n\n' : '';
    const lines = usage.filter(([line]) => name === undefined || line.split(' ')[1] === name);
    terminal.out(`${head}${indented(columns(lines))}\noptions:\n${indented(optionLines(commonOptions))}`);
    return 0;
  }
  if (extra !== undefined) throw unexpectedWord(extra);
  return withApp(invocation, async (app) => {
    terminal.out(flowHelp(app.folder.flows.get(name) ?? app.flow(name)));
    return 0;
  });
}

/** Help of one flow, from its inputs. */
export function flowHelp(flow: Flow): string {
  const inputs = flow.inputs.map((input) => [
    `--${input.name} ${input.type === 'boolean' ? '' : 'VALUE'}`.trim(),
    `${input.description === '' ? input.name : input.description}: ${expected(input)}${input.default === undefined ? ', required' : ` (default: ${input.default})`}`,
  ]);
  const head = `flows ${flow.name}: ${flow.description}\n${flow.effect === 'write' ? 'It writes: it plans, asks, then runs.' : 'It only reads.'}\n`;
  const declared = inputs.length === 0 ? '' : `\ninputs:\n${indented(columns(inputs))}`;
  return `${head}${declared}\noptions:\n${indented(optionLines({ ...optionsOf(flow), ...commonOptions }))}`;
}

function optionLines(table: OptionTable): string {
  return columns(
    Object.entries(table).map(([name, { value, help }]) => [
      `--${name}${value === undefined ? '' : ` ${value}`}`,
      help,
    ]),
  );
}

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, '  ');
}
