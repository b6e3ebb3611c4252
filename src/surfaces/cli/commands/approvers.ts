import { openFolder } from '../../../app/open-folder.ts';
import { changePasskeys, type PolicyFileOptions } from '../../../folder/policy/change-policy.ts';
import { approverName } from '../../../folder/policy/approve-keys.ts';
import type { Approver, Passkey, Policy } from '../../../folder/policy/policy.ts';
import { softwareApprover } from '../../../folder/policy/software-approver.ts';
import { loadBrokerFiles } from '../../../folder/policy-and-registry.ts';
import { FlowError } from '../../../foundation/errors.ts';
import { createLocks } from '../../../foundation/locks.ts';
import { sleepUntilAborted } from '../../../foundation/sleep.ts';
import { stateFolder } from '../../../foundation/state-folder.ts';
import { suggest } from '../../../language/nearest-name.ts';
import { commonArguments } from '../arguments.ts';
import { commandTable } from '../command-table.ts';
import { flowsFolder } from '../flows-folder.ts';
import type { Command, Invocation } from '../invocation.ts';
import { pageLink, servedPage } from '../page-link.ts';
import { tellProblems } from '../tell-problems.ts';
import { columns } from '../terminal.ts';
import { callVerb } from '../verbs.ts';
import { withApp } from '../with-app.ts';

const own = commandTable.approvers.verbs;
const verbs = { list, add, remove } satisfies Record<keyof typeof own, Command>;

/** `flows approvers`: the people who approve, and the passkeys that prove them. */
export function approvers(invocation: Invocation): Promise<number> {
  return callVerb(invocation, commandTable.approvers, verbs, 'list');
}

/** `flows approvers add NAME`: a link, once, on stdout, by which this person enrols a passkey. */
async function add(invocation: Invocation): Promise<number> {
  const { terminal } = invocation;
  const name = nameIn(commonArguments(invocation.argv, own.add.options, 3).positionals);
  return withApp(invocation, async (app) => {
    const { dir } = app.folder;
    // before anything is written
    servedPage(dir);
    const { policy } = loadBrokerFiles(await openFolder(dir));
    if (policy.approvers?.has(name) !== true) await changePasskeys(editing(dir, invocation.signal), name, () => []);
    terminal.out(`${await pageLink(app, `enrol/${name}`, `enrol ${name}`)}\n`);
    terminal.note(`for "${name}" alone, once, within 15 minutes: whoever opens it enrols their own passkey`, 'dim');
    return 0;
  });
}

/** `flows approvers remove NAME`: their passkeys approve nothing any more, with the next request. */
async function remove(invocation: Invocation): Promise<number> {
  const { terminal, signal } = invocation;
  const { positionals, values } = commonArguments(invocation.argv, own.remove.options, 3);
  const name = nameIn(positionals);
  let left: readonly Passkey[] = [];
  await changePasskeys(editing(flowsFolder(values['dir']), signal), name, (policy) => {
    const { passkeys } = known(policy, name);
    left = values['passkey'] === undefined ? [] : without(passkeys, String(values['passkey']));
    return left;
  });
  const count = left.length === 0 ? 'no passkey' : left.length === 1 ? 'one passkey' : `${left.length} passkeys`;
  terminal.tell('done', `${count} of "${name}" can approve now`);
  return 0;
}

/** `flows approvers list`: names, passkeys, and whose agents are whose. */
async function list({ argv, terminal }: Invocation): Promise<number> {
  const { values } = commonArguments(argv, own.list.options, 2);
  const folder = await openFolder(flowsFolder(values['dir']));
  const { policy, problems } = loadBrokerFiles(folder);
  const onLaptop = softwareApprover(policy, folder.settings);
  tellProblems(problems, terminal);
  const all = [...(policy.approvers?.values() ?? [])].map(({ name, passkeys, trust, ownerOf }) => ({
    name,
    passkeys: passkeys.map(({ added = null, ...passkey }) => ({ ...passkey, added })),
    trust: trust.map(({ issuer }) => issuer),
    ownerOf,
    softwareKey: name === onLaptop,
  }));
  if (values['json'] === true) terminal.out(`${JSON.stringify(all)}\n`);
  else if (all.length === 0) terminal.note('no approvers: flows approvers add NAME', 'dim');
  else
    terminal.out(
      columns(
        all.map(({ name, passkeys, trust, ownerOf, softwareKey }) => [
          name,
          [
            ...passkeys.map(passkeyText),
            ...trust.map((issuer) => `trusts ${issuer}`),
            ...(softwareKey ? ['a software key while npm start runs, which proves nobody'] : []),
            ...(passkeys.length + trust.length === 0 && !softwareKey ? ['nothing proves them yet'] : []),
            ...(ownerOf.length === 0 ? [] : [`owns ${ownerOf.join(', ')}`]),
          ].join('; '),
        ]),
      ),
    );
  return 0;
}

function passkeyText({
  id,
  algorithm,
  synced,
  added,
}: Pick<Passkey, 'id' | 'algorithm' | 'synced'> & { readonly added: string | null }): string {
  return `passkey ${id.slice(0, 12)}… (${algorithm}${synced ? ', synced' : ''}${added === null ? '' : `, ${added}`})`;
}

function without(passkeys: readonly Passkey[], which: string): readonly Passkey[] {
  const meant = passkeys.filter(({ id }) => id.startsWith(which));
  if (meant.length === 1 && which !== '') return passkeys.filter((each) => !meant.includes(each));
  throw new FlowError('usage', meant.length === 0 ? 'no passkey of theirs begins so' : 'which passkey is meant?', {
    hint: `--passkey ${passkeys.map(({ id }) => id.slice(0, 12)).join(' or ')}`,
  });
}

function known({ approvers: all = new Map<string, Approver>() }: Policy, name: string): Approver {
  const found = all.get(name);
  if (found !== undefined) return found;
  throw new FlowError('usage', `policy.yaml has no approver "${name}"`, {
    hint: suggest(name, all.keys()) ?? `flows approvers add ${name}`,
  });
}

function nameIn([, , name]: readonly string[]): string {
  if (name !== undefined && approverName.test(name) && name !== 'unknown' && name !== 'local') return name;
  throw new FlowError('usage', name === undefined ? 'a name is missing' : `"${name}" is no name for an approver`, {
    hint: 'lower-case letters, digits, _ and -, beginning with a letter',
  });
}

function editing(dir: string, signal: AbortSignal): PolicyFileOptions {
  const locked = createLocks({ folder: stateFolder(), sleep: sleepUntilAborted(signal), signal });
  return { dir, load: () => openFolder(dir), locked };
}
