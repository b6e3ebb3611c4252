import { readFileSync } from 'node:fs';
import type { RunningStack } from '../../../laptop/start-stack.ts';
import { type Flow, presentedAs } from '../../../folder/flows/flow.ts';
import type { Folder } from '../../../folder/load-folder.ts';
import { quoted } from '../../../foundation/shell-words.ts';
import type { DevBroker } from './laptop-broker.ts';
import { madeUpInputs } from './made-up-inputs.ts';

/** Those of the shipped flows that show most. */
const shown = ['orders-token', 'break-glass', 'new-user', 'seed-runtime'];

/** Commands for another terminal, which work there as they stand. */
export function invitation(dir: string, folder: Folder, stack: RunningStack, broker?: DevBroker): string {
  const { addresses, vault } = stack;
  const inFolder = dir === 'flows' ? '' : ` --dir ${quoted(dir)}`;
  const there = `${folder.settings.defaultEnvironment === 'development' ? '' : ' --environment development'}${inFolder}`;
  const flows = [...folder.flows.values()].filter(({ environments }) => environments?.includes('development') ?? true);
  const known = shown.flatMap((name) => flows.find((flow) => flow.name === name) ?? []);
  const commands = (known.length > 0 ? known : flows.slice(0, shown.length)).flatMap((flow) => commandOf(flow) ?? []);
  const lines = [
    `${program()}${inFolder}`,
    `${program()} check${inFolder}`,
    ...commands.map((command) => `${program()} ${command}${there}`),
  ];
  if (known.some(({ name }) => name === 'orders-token')) {
    const orders = new URL('/orders', addresses.ordersApi).href;
    lines.push(`${program()} orders-token --header${there} | curl -s -H @- ${orders}`);
  }
  const asAgent =
    broker === undefined
      ? ''
      : `\nThe same as agent ${broker.agent}, through the broker:\n${list(agentLines(broker, known, inFolder, there))}`;
  const forPeople =
    broker?.page === undefined
      ? ''
      : `\nThe page for people is ${broker.page}; a link to it is given by ${program()} page${there}\n`;
  const connect = `export OP_CONNECT_HOST=${vault.address} OP_CONNECT_TOKEN=${vault.connectToken().reveal()}`;
  const byConnect = `\nThe vault as 1Password Connect serves it:\n${list([connect])}`;
  return `Try in another terminal:\n${list(lines)}${byConnect}${asAgent}${forPeople}\nCtrl-C stops everything.`;
}

function list(lines: readonly string[]): string {
  return lines.map((line) => `  ${line}\n`).join('');
}

/** What policy.yaml of the shipped folder says something about; of another folder, its first flow. */
function agentLines(
  { url, agent, tokenFile }: DevBroker,
  [flow]: readonly Flow[],
  inFolder: string,
  there: string,
): readonly string[] {
  const file = quoted(tokenFile);
  const header = `-H "Authorization: Bearer $(cat ${file})" -H 'Content-Type: application/json'`;
  return [
    `export FLOWS_AGENT_TOKEN_FILE=${file}`,
    ...(flow === undefined ? [] : [`${program()} ${flow.name}${inFolder}`]),
    `${program()} read openai.api_key${inFolder}`,
    `${program()} read stripe.live_key${inFolder}`,
    `curl -s ${url}/v1/secrets/resolve ${header} -d '{"secrets":["openai.api_key"]}'`,
    `${program()} audit --agent ${agent} --since 1h${there}`,
  ];
}

/** How a flow is tried: a token as JSON, a write as its plan. Undefined where an input cannot be made up. */
function commandOf(flow: Flow): string | undefined {
  const { given, unknown } = madeUpInputs(flow);
  // a command that works as it stands, in any shell
  const plain = Object.values(given).every((value) => /^[\w.@-]+$/.test(String(value)));
  if (unknown !== undefined || !plain) return undefined;
  const inputs = Object.entries(given).map(([name, value]) => (value === true ? `--${name}` : `--${name} ${value}`));
  const option = flow.effect === 'write' ? ['--plan'] : presentedAs(flow) === 'token' ? ['--json'] : [];
  return [flow.name, ...inputs, ...option].join(' ');
}

/** Outside this package's own folder a bare `npx flows` would fetch someone else's package. */
function program(): string {
  try {
    const manifest: unknown = JSON.parse(readFileSync('package.json', 'utf8'));
    if (typeof manifest === 'object' && manifest !== null && 'name' in manifest && manifest.name === 'auth-chain')
      return 'npx flows';
  } catch {
    // another folder
  }
  return 'npx --no-install flows';
}
