import { basename, join } from 'node:path';
import { type BrokerFiles, loadBrokerFiles } from '../../../folder/policy-and-registry.ts';
import { endings, FlowError } from '../../../foundation/errors.ts';
import { type Folder } from '../../../folder/load-folder.ts';
import type { ApproveRule } from '../../../folder/policy/policy.ts';
import { itemUses, placeOf } from '../../../folder/policy/vault-paths.ts';
import { createSource } from '../../../language/problems.ts';
import { readText } from '../../../language/file-text.ts';
import { readYaml } from '../../../language/yaml.ts';
import { runCases } from '../../../broker/policy/policy-test.ts';
import { type Asked, explain, type Explanation, type Rules } from '../../../broker/policy/explain-decision.ts';
import { namedEnvironment, openFolder } from '../../../app/open-folder.ts';
import { commonArguments } from '../arguments.ts';
import { commandTable } from '../command-table.ts';
import { flowsFolder } from '../flows-folder.ts';
import type { Command, Invocation } from '../invocation.ts';
import { tellProblems } from '../tell-problems.ts';
import type { Terminal } from '../terminal.ts';
import { callVerb } from '../verbs.ts';

const verbs = { explain: explainOne, test } satisfies Record<keyof typeof commandTable.policy.verbs, Command>;

/** `flows policy`: why an agent may have something or not, and whether the policy says what it should. */
export function policy(invocation: Invocation): Promise<number> {
  return callVerb(invocation, commandTable.policy, verbs);
}

/** `flows policy explain`: the truth about one question, or about a request that was answered. Exit 0 for any answer. */
async function explainOne(invocation: Invocation): Promise<number> {
  const { argv, terminal } = invocation;
  const { values } = commonArguments(argv, commandTable.policy.verbs.explain.options, 2);
  const { can, reason, request } = values;
  const asked = askedBy(values);
  if (typeof request === 'string' && asked === 'nothing') {
    const { explainedRequests, requestsText } = await import('../policy/explained-requests.ts');
    const found = await explainedRequests(invocation, request, rulesOf(await loaded(values), terminal));
    const all = found.map(({ event, names }) => ({
      event,
      names: names.map((each) => ({ name: each.name, ...shown(each) })),
    }));
    terminal.out(values['json'] === true ? `${JSON.stringify(all)}\n` : requestsText(found));
    return 0;
  }
  if (request !== undefined || typeof asked === 'string') {
    throw new FlowError('usage', 'an agent and one secret, flow or path are wanted', {
      hint: 'write flows policy explain --agent NAME --secret NAME, --flow NAME or --path PATH; --approver NAME --reveal FLOW; or --request ID alone',
    });
  }
  if (asked.kind === 'item' && placeOf(asked.name) === undefined)
    throw new FlowError('usage', `"${asked.name}" is no path of an item`, { hint: 'write op/vaults/VAULT/items/ITEM' });
  const use = itemUses.find((each) => each === can);
  if (can !== undefined && use === undefined)
    throw new FlowError('usage', `nothing can be done that is called "${String(can)}"`, { hint: itemUses.join(', ') });
  const rules = rulesOf(await loaded(values), terminal);
  const stated = typeof reason === 'string' ? reason : undefined;
  const explanation = explain({ ...asked, use, reason: stated }, rules);
  if (values['json'] === true) terminal.out(`${JSON.stringify(shown(explanation))}\n`);
  else terminal.out(textOf(explanation, terminal));
  return 0;
}

/** Who asks for what, where the options say so of one thing. */
function askedBy({ agent, approver, ...wanted }: Values): Asked | 'nothing' | 'something else' {
  const names = { secret: wanted['secret'], flow: wanted['flow'], item: wanted['path'], reveal: wanted['reveal'] };
  const named = (['secret', 'flow', 'item', 'reveal'] as const).filter((kind) => names[kind] !== undefined);
  const [kind, ...others] = named;
  if (agent === undefined && approver === undefined && kind === undefined) return 'nothing';
  const [who, otherwise] = kind === 'reveal' ? [approver, agent] : [agent, approver];
  if (kind === undefined || others.length > 0 || typeof who !== 'string' || otherwise !== undefined)
    return 'something else';
  return { agent: who, kind, name: String(names[kind]) };
}

function shown({ decision, line, notes }: Explanation) {
  const { allowed, rule, approvals } = decision;
  return {
    allowed,
    ...(approvals === undefined ? {} : { approvals: approvals.map(shownRule) }),
    rule,
    text: line,
    notes,
  };
}

function shownRule({ location, by, needs, scope, wait, expires, uses, self }: ApproveRule) {
  return { location, by, needs, scope, wait, expires, uses, self };
}

function textOf({ decision, line, notes }: Explanation, { paint }: Terminal): string {
  const [word = '', ...rest] = line.split(':');
  const head = `${paint(decision.allowed ? 'green' : 'red', word)}:${rest.join(':')}\n`;
  return `${head}${notes.map((note) => `  ${note}\n`).join('')}`;
}

/** `flows policy test [FILE]`: the cases beside policy.yaml, or in a file. Exit 4 where one is not as expected. */
async function test({ argv, terminal }: Invocation): Promise<number> {
  const { positionals, values } = commonArguments(argv, commandTable.policy.verbs.test.options, 3);
  const found = await loaded(values);
  const rules = rulesOf(found, terminal);
  const file = positionals[2] ?? join(found.folder.dir, 'policy.test.yaml');
  const text = readText(file);
  if (typeof text !== 'string') {
    throw new FlowError('usage', `there are no cases: ${basename(file)}: ${text.message}`, {
      hint: `begin ${file} with cases: [{ agent: NAME, secret: NAME, expect: denied }]`,
    });
  }
  const source = createSource(file, text);
  const root = readYaml(source);
  const cases = root === undefined ? [] : runCases(root, source, rules);
  const failed = cases.filter(({ passed }) => !passed).length;
  const wrong = source.problems.length > failed;
  if (values['json'] === true) {
    const all = cases.map(({ explanation, ...each }) => ({ ...each, ...shown(explanation) }));
    terminal.out(`${JSON.stringify({ cases: all, problems: source.problems, warnings: source.warnings })}\n`);
  } else {
    tellProblems([...source.problems, ...source.warnings], terminal, 'flows policy test');
    if (source.problems.length === 0)
      terminal.out(`${cases.length} ${cases.length === 1 ? 'case' : 'cases'}: as expected\n`);
  }
  if (wrong) throw new FlowError('invalid', `${basename(file)} has problems`, { hint: 'mend them and run it again' });
  if (failed > 0) terminal.tell('error', `${failed} of ${cases.length} cases not as expected`);
  return failed > 0 ? endings['cases-differ'].exit : endings.done.exit;
}

type Values = Readonly<Record<string, string | boolean>>;

interface Loaded {
  readonly folder: Folder;
  readonly files: BrokerFiles;
}

async function loaded({ dir, environment }: Values): Promise<Loaded> {
  const folder = await openFolder(flowsFolder(dir));
  namedEnvironment(folder, environment);
  return { folder, files: loadBrokerFiles(folder) };
}

/** @throws FlowError invalid, where the files are such that no broker takes them */
function rulesOf({ folder, files }: Loaded, terminal: Terminal): Rules {
  tellProblems([...files.problems, ...files.warnings], terminal);
  if (files.problems.length > 0) {
    throw new FlowError('invalid', 'policy.yaml or registry.yaml has problems', {
      hint: 'no broker takes them as they are: one that runs goes on with the rules before',
    });
  }
  return { policy: files.policy, registry: files.registry, flows: folder.flows, broken: folder.broken };
}
