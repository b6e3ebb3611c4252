import { cpSync, existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { codeOf, FlowError } from '../../../foundation/errors.ts';
import { makeFolder } from '../../../foundation/make-folder.ts';
import { commonArguments } from '../arguments.ts';
import { commandTable } from '../command-table.ts';
import { fromHere } from '../flows-folder.ts';
import type { Invocation } from '../invocation.ts';
import { packageFolder } from '../../../foundation/package-files.ts';

/** Beside one flow that is shipped: the least that `flows dev`, `flows check` and the broker go on from. */
const start: Readonly<Record<string, string>> = {
  'service.yaml': `# yaml-language-server: $schema=.schema/service.schema.json
# The environments that these flows run in. \`development\` is the laptop: every address in it comes from \`flows dev\`.
default-environment: development
environments:
  development: {}
`,
  'policy.yaml': `# yaml-language-server: $schema=.schema/policy.schema.json
# What each agent may have. Nothing else is given: there is no other default.
default: deny
agents:
  # \`flows agents add codex\` gives it a token and writes the token's SHA-256 here
  codex:
    # what is denied stands above what is allowed: a file that is cut off denies it all the same
    deny: []
    allow: []
    flows: [orders-token]
    max-ttl: 15m
    rate: 600/minute
`,
};

const another = { hint: 'name another: flows init FOLDER' };

/**
 * `flows init [FOLDER]`: a folder to start from, one flow in one environment; with `--samples` the one that the laptop
 * stack shows. Nothing is overwritten.
 */
export async function init({ argv, terminal }: Invocation): Promise<number> {
  const { positionals, values } = commonArguments(argv, commandTable.init.options, 2);
  const target = fromHere(positionals[1] ?? String(values['dir'] ?? 'flows'));
  if (existsSync(target) && (!statSync(target).isDirectory() || readdirSync(target).length > 0)) {
    throw new FlowError('refused', `"${target}" is there already, and is no empty folder`, another);
  }
  const from = shipped();
  const names = values['samples'] === true ? readdirSync(from) : ['orders-token.yaml', 'README.md', '.schema'];
  try {
    makeFolder(target);
  } catch (error) {
    const code = codeOf(error) ?? 'unknown';
    throw new FlowError('refused', `the system makes no folder "${target}" (${code})`, { ...another, cause: error });
  }
  for (const name of names)
    cpSync(join(from, name), join(target, name), { recursive: true, errorOnExist: true, force: false });
  if (values['samples'] !== true)
    for (const [name, text] of Object.entries(start)) writeFileSync(join(target, name), text, { flag: 'wx' });
  const files = readdirSync(target).filter((name) => name.endsWith('.yaml'));
  terminal.out(files.map((name) => `${join(target, name)}\n`).join(''));
  const dir = target === 'flows' ? '' : ` --dir ${target}`;
  terminal.note(
    `next: \`flows dev${dir}\` runs them on this machine, \`flows check --setup${dir}\` tells what a real 1Password needs`,
  );
  return 0;
}

/** The flows of this package. */
function shipped(): string {
  const folder = packageFolder();
  const flows = folder === undefined ? undefined : fileURLToPath(new URL('flows', folder));
  if (flows === undefined || !existsSync(join(flows, 'service.yaml'))) {
    throw new FlowError('internal', 'the package has no folder of flows');
  }
  return flows;
}
