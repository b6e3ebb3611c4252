import { resolve } from 'node:path';
import { FlowError } from '../../../foundation/errors.ts';
import { ownProgram } from '../own-program.ts';

/** What a client is to start, and with which variables: most give a server few of their own. */
interface Start {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

interface Snippet {
  /** the file that it belongs into */
  readonly file: string;
  text(start: Start): string;
}

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
// JSON's strings are TOML's too
const toml = (value: string | readonly string[]) => JSON.stringify(value);

const snippets: Readonly<Record<string, Snippet>> = {
  claude: {
    file: '.mcp.json of a project',
    text: (start) => json({ mcpServers: { flows: { type: 'stdio', ...start } } }),
  },
  codex: {
    file: '~/.codex/config.toml',
    text: ({ command, args, env }) =>
      [
        '[mcp_servers.flows]',
        `command = ${toml(command)}`,
        `args = ${toml(args)}`,
        `env = { ${Object.entries(env)
          .map(([name, value]) => `${name} = ${toml(value)}`)
          .join(', ')} }`,
        '',
      ].join('\n'),
  },
  cursor: {
    file: '.cursor/mcp.json of a project',
    text: (start) => json({ mcpServers: { flows: start } }),
  },
  vscode: {
    file: '.vscode/mcp.json of a project',
    text: (start) => json({ servers: { flows: { type: 'stdio', ...start } } }),
  },
};

/**
 * The lines of a client's configuration that start this server. No token is in them: a file has it.
 * @param agent undefined: the one of FLOWS_AGENT_TOKEN_FILE
 * @throws FlowError usage for a client that is not known
 */
export function configFor(
  client: string,
  dir: string,
  agent: string | undefined,
): Pick<Snippet, 'file'> & { readonly text: string } {
  const snippet = Object.hasOwn(snippets, client) ? snippets[client] : undefined;
  if (snippet === undefined)
    throw new FlowError('usage', 'unknown client of --print-config', {
      hint: `one of ${Object.keys(snippets).join(', ')}`,
    });
  const { FLOWS_AGENT_TOKEN_FILE: file, FLOWS_BROKER: broker, XDG_STATE_HOME: state } = process.env;
  const who = agent === undefined ? { FLOWS_AGENT_TOKEN_FILE: resolve(file || 'agent.token') } : {};
  // few clients pass on where brokers of this machine tell that they are there
  const where = {
    ...(broker ? { FLOWS_BROKER: broker } : { FLOWS_DIR: resolve(dir) }),
    ...(state && { XDG_STATE_HOME: state }),
  };
  const [command, ...before] = ownProgram();
  const args = [...before, 'mcp', ...(agent === undefined ? [] : ['--agent', agent])];
  return { file: snippet.file, text: snippet.text({ command, args, env: { ...who, ...where } }) };
}
