import { bearerHash, createBearer, isExpired } from '../../../broker/authentication/bearer-token.ts';
import { changeTokens } from '../../../folder/policy/change-policy.ts';
import {
  knownAgent,
  rotated,
  sameLifeAgain,
  withOneMore,
  withoutToken,
} from '../../../broker/authentication/rotate-tokens.ts';
import type { Folder } from '../../../folder/load-folder.ts';
import { loadBrokerFiles } from '../../../folder/policy-and-registry.ts';
import { parseDuration } from '../../../foundation/duration.ts';
import { FlowError } from '../../../foundation/errors.ts';
import { createLocks } from '../../../foundation/locks.ts';
import { instant } from '../../../folder/policy/read-policy.ts';
import { agentName } from '../../../folder/policy/policy-keys.ts';
import type { AgentPolicy, AgentToken, Policy } from '../../../folder/policy/policy.ts';
import { sleepUntilAborted } from '../../../foundation/sleep.ts';
import { stateFolder } from '../../../foundation/state-folder.ts';
import { namedEnvironment, openFolder } from '../../../app/open-folder.ts';
import { commonArguments } from '../arguments.ts';
import { commandTable, type OptionTable } from '../command-table.ts';
import { flowsFolder } from '../flows-folder.ts';
import type { Command, Invocation } from '../invocation.ts';
import { findBroker, guestTokenFile } from '../../server/announcement.ts';
import { tellProblems } from '../tell-problems.ts';
import { columns } from '../terminal.ts';
import { callVerb } from '../verbs.ts';

const own = commandTable.agents.verbs;
const verbs = { add, rotate, revoke, list } satisfies Record<keyof typeof own, Command>;

/** `flows agents`: who may ask the broker, and the tokens that prove it. */
export function agents(invocation: Invocation): Promise<number> {
  return callVerb(invocation, commandTable.agents, verbs, 'list');
}

/** `flows agents add NAME`: a token, once, on stdout; policy.yaml keeps its hash. */
async function add(invocation: Invocation): Promise<number> {
  return issue(invocation, own.add.options, withOneMore, () => undefined);
}

/** `flows agents rotate NAME`: a new token beside the newest old one. */
async function rotate(invocation: Invocation): Promise<number> {
  return issue(invocation, own.rotate.options, rotated, sameLifeAgain);
}

type Choice = (policy: Policy, name: string, token: AgentToken, now: number) => readonly AgentToken[];

/** @param usualEnd of the new token, where nobody says when it ends */
async function issue(
  invocation: Invocation,
  options: OptionTable,
  choose: Choice,
  usualEnd: typeof sameLifeAgain,
): Promise<number> {
  const { terminal, signal } = invocation;
  const { name, values, dir } = given(invocation, options);
  const asked = values['expires'];
  const now = Math.floor(Date.now() / 1_000) * 1_000;
  const askedEnd = endOf(asked, now);
  const bearer = createBearer();
  const sha256 = bearerHash(bearer.reveal());
  if (sha256 === undefined) throw new FlowError('internal', 'the new token is not as tokens are');
  let known: AgentPolicy | undefined;
  let expires: number | undefined;
  let after: readonly AgentToken[] = [];
  const load = () => ofEnvironment(dir, values['environment']);
  await changeTokens({ ...editing(dir, signal), load }, name, (policy) => {
    known = policy.agents.get(name);
    expires = asked === undefined ? usualEnd(policy, name, now) : askedEnd;
    after = choose(policy, name, { sha256, ...(expires === undefined ? {} : { issued: now }), expires }, now);
    return after;
  });
  terminal.out(`${bearer.reveal()}\n`);
  terminal.note(`this is its only showing; policy.yaml keeps sha256:${sha256.slice(0, 12)}…`, 'dim');
  const again = asked === undefined && expires !== undefined ? ', as long a life as the one before it had' : '';
  terminal.note(expires === undefined ? 'it does not end' : `it ends at ${new Date(expires).toISOString()}${again}`);
  if (known === undefined)
    terminal.note(`agent "${name}" is new and may have nothing yet: write allow: and flows: under it in policy.yaml`);
  const dropped = (known?.tokens.length ?? 0) + 1 - after.length;
  if (dropped > 0)
    terminal.note(`${dropped} older ${dropped === 1 ? 'token is' : 'tokens are'} worth nothing any more`);
  return 0;
}

/** `flows agents revoke NAME`: its token ends with the next request. */
async function revoke(invocation: Invocation): Promise<number> {
  const { terminal, signal } = invocation;
  const { name, values, dir } = given(invocation, own.revoke.options);
  const { all, token } = values;
  if (all === true && token !== undefined)
    throw new FlowError('usage', '--all and --token are two things', { hint: 'give one' });
  let trusted = false;
  let left: readonly AgentToken[] = [];
  await changeTokens(editing(dir, signal), name, (policy) => {
    const agent = knownAgent(policy, name);
    trusted = agent.trust.length > 0;
    left = all === true ? [] : withoutToken(policy, name, typeof token === 'string' ? token : undefined);
    return left;
  });
  terminal.tell('done', `${left.length === 0 ? 'no token' : 'one token'} proves agent "${name}" now`);
  if (trusted)
    terminal.tell('warning', `its workload identity still does: take trust: out of policy.yaml to end that too`);
  return 0;
}

/** `flows agents list`: names, the beginning of each hash, and when it ends. */
async function list({ argv, terminal }: Invocation): Promise<number> {
  const { values } = commonArguments(argv, own.list.options, 2);
  const dir = flowsFolder(values['dir']);
  const { policy, problems } = loadBrokerFiles(await ofEnvironment(dir, values['environment']));
  tellProblems(problems, terminal);
  const now = Date.now();
  const laptop = findBroker(dir)?.guest;
  const all = [...policy.agents.values()].map(({ name, tokens, trust }) => ({
    name,
    tokens: tokens.map((token) => ({
      sha256: token.sha256.slice(0, 12),
      expires: token.expires === undefined ? null : new Date(token.expires).toISOString(),
      expired: isExpired(token, now),
    })),
    trust: trust.map(({ issuer }) => issuer),
    ...(name === laptop ? { laptop: guestTokenFile(dir) } : {}),
  }));
  if (values['json'] === true) terminal.out(`${JSON.stringify(all)}\n`);
  else
    terminal.out(
      columns(
        all.flatMap(({ name, tokens, trust, laptop: file }) => {
          const proofs = [
            ...tokens.map(({ sha256, expires: end, expired }) => {
              const until = end === null ? '' : expired ? `, expired ${end}` : `, until ${end}`;
              return `token sha256:${sha256}…${until}`;
            }),
            ...trust.map((issuer) => `workload identity of ${issuer}`),
            ...(file === undefined ? [] : [`token of the laptop's broker, in ${file}, until that ends`]),
          ];
          const [first = 'nothing proves it: flows agents add', ...others] = proofs;
          return [[terminal.paint('bold', name), first], ...others.map((other) => ['', other])];
        }),
      ),
    );
  return problems.length > 0 ? 2 : 0;
}

function given(invocation: Invocation, options: OptionTable) {
  const { positionals, values } = commonArguments(invocation.argv, options, 3);
  const [, verb, name] = positionals;
  if (name === undefined)
    throw new FlowError('usage', 'an agent is wanted', { hint: `write flows agents ${verb} NAME` });
  if (!agentName.test(name) || ['unknown', 'local'].includes(name))
    throw new FlowError('usage', `"${name}" is not an agent's name`, {
      hint: 'lower-case letters, digits, _ and -, beginning with a letter',
    });
  return { name, values, dir: flowsFolder(values['dir']) };
}

/** Epoch milliseconds, in whole seconds like `now`; undefined: it never ends. */
function endOf(text: unknown, now: number): number | undefined {
  if (typeof text !== 'string' || text === 'never') return undefined;
  const seconds = parseDuration(text);
  const end = seconds === undefined ? instant(text) : now + seconds * 1_000;
  if (end !== undefined && end > now) return end;
  throw new FlowError('usage', '--expires takes a time to come', {
    hint: 'as in 90d, 2027-01-01T00:00:00Z, or never',
  });
}

/** Policy is that of all environments; one that there is not is a slip all the same. To revoke, nothing must stand in the way. */
async function ofEnvironment(dir: string, environment: unknown): Promise<Folder> {
  const folder = await openFolder(dir);
  namedEnvironment(folder, environment);
  return folder;
}

function editing(dir: string, signal: AbortSignal) {
  const sleep = sleepUntilAborted(signal);
  const locked = createLocks({ folder: stateFolder(), sleep, signal });
  return { dir, load: () => openFolder(dir), locked };
}
