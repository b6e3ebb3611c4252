import { readdir, readFile, realpath, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { loadBrokerFiles } from '../policy-and-registry.ts';
import { FlowError } from '../../foundation/errors.ts';
import { isLeftover, replaceFile } from '../../foundation/replace-file.ts';
import type { Folder } from '../load-folder.ts';
import type { AgentToken, Passkey, Policy } from './policy.ts';
import { withPasskeys, withTokens } from './edit-lists.ts';

export interface PolicyFileOptions {
  readonly dir: string;
  /** the folder as it is now */
  readonly load: () => Promise<Folder>;
  /** one editor at a time, among all processes of this machine: {@link createLocks} */
  readonly locked: <T>(name: string, work: () => Promise<T>) => Promise<T>;
}

/**
 * Gives an agent other tokens in policy.yaml: all at once or not at all, whatever happens to the process.
 * @param change the tokens that the agent shall have; what it throws leaves the file as it is
 * @throws FlowError invalid where policy.yaml or registry.yaml has problems, conflict where it changed meanwhile
 */
export function changeTokens(
  options: PolicyFileOptions,
  agent: string,
  change: (policy: Policy) => readonly AgentToken[],
): Promise<void> {
  return changePolicy(options, (policy, text) => withTokens(text, agent, change(policy)));
}

/** The same for the passkeys of an approver, who is made where there is none. */
export function changePasskeys(
  options: PolicyFileOptions,
  approver: string,
  change: (policy: Policy) => readonly Passkey[],
): Promise<void> {
  return changePolicy(options, (policy, text) => withPasskeys(text, approver, change(policy)));
}

async function changePolicy(
  options: PolicyFileOptions,
  edit: (policy: Policy, text: string | undefined) => string,
): Promise<void> {
  const { dir, load, locked } = options;
  const folder = await load();
  const file = await realpath(join(dir, 'policy.yaml')).catch(() => join(dir, 'policy.yaml'));
  await locked(`edit ${file}`, async () => {
    const { policy, problems, texts } = loadBrokerFiles(folder);
    const [problem] = problems;
    if (problem !== undefined) {
      throw new FlowError('invalid', problem.message, {
        place: { location: `${problem.file}:${problem.line}:${problem.column}` },
        hint: 'no broker would take the file as it is: run `flows check`',
      });
    }
    await sweepLeftovers(file);
    await replace(file, texts.policy, edit(policy, texts.policy));
  });
}

/** What a killed editor left beside the file; no living one takes a minute. */
export async function sweepLeftovers(file: string): Promise<void> {
  const folder = dirname(file);
  for (const name of await readdir(folder).catch(() => [])) {
    if (!isLeftover(name, file)) continue;
    const left = join(folder, name);
    const facts = await stat(left).catch(() => undefined);
    // where the folder may only be read it stays
    if (facts !== undefined && Date.now() - facts.mtimeMs > 60_000)
      await rm(left, { force: true }).catch(() => undefined);
  }
}

/** @param before what the file must still hold; undefined: it must not be there */
async function replace(file: string, before: string | undefined, after: string): Promise<void> {
  const facts = before === undefined ? undefined : await stat(file);
  // a byte order mark is no part of the text, and stays
  const mark = before !== undefined && (await readFile(file, 'utf8')).startsWith('\ufeff') ? '\ufeff' : '';
  await replaceFile(file, `${mark}${after}`, {
    mode: facts === undefined ? 0o644 : facts.mode & 0o777,
    owner: process.getuid?.() === 0 ? facts : undefined,
    durable: true,
    async last() {
      const now = await readFile(file, 'utf8').catch(() => undefined);
      if (now === (before === undefined ? undefined : `${mark}${before}`)) return;
      throw new FlowError('conflict', 'policy.yaml was changed meanwhile', {
        hint: 'nothing was written: run it again',
      });
    },
  });
}
