import { type AuditedReads, readersIn } from '../../../app/migration/audit-readers.ts';
import { usesInCode } from '../../../app/migration/code-uses.ts';
import type { Migration } from '../../../app/migration/migration-file.ts';
import { endings, FlowError } from '../../../foundation/errors.ts';
import { safeLine } from '../../../foundation/safe-line.ts';
import { type Arguments, commonArguments } from '../arguments.ts';
import type { Invocation } from '../invocation.ts';
import { columns, type Terminal } from '../terminal.ts';
import { timeOption } from '../time-option.ts';
import { withApp } from '../with-app.ts';
import { readersOptions } from './facts.ts';
import { migrationOf } from './open-source.ts';

/** `flows migrate vault readers FILE…`: who reads what in Vault. Nothing is contacted. */
export async function readers(invocation: Invocation): Promise<number> {
  const { argv, terminal } = invocation;
  const given = commonArguments(argv, readersOptions, Infinity);
  return withApp(invocation, async (app) => {
    const migration = migrationOf(app, invocation);
    const { readers: found, foreign } = await auditedReads(given, migration?.secrets);
    tellForeign(foreign, terminal);
    const inCode = await pathsInCode(given, migration);
    const targets = new Map(migration?.secrets.map(({ path, to }) => [path, to?.toString() ?? 'stays']));
    const all = found.map((each) => ({
      ...each,
      to: targets.get(each.path),
      ...(inCode === undefined ? {} : { inCode: inCode.has(each.path) }),
    }));
    if (given.values['json'] === true) terminal.out(`${JSON.stringify(all)}\n`);
    else {
      const rows = all.map(({ path, reader, reads, refused, lastRead, lastRefused, to, inCode: known }) => [
        safeLine(path),
        safeLine(reader),
        `${reads} reads${refused === 0 ? '' : `, ${refused} refused`}`,
        safeLine(lastRead ?? lastRefused ?? ''),
        to === undefined ? 'not in migration.yaml' : safeLine(to),
        known === false ? terminal.paint('red', 'read, but not in code') : '',
      ]);
      terminal.out(columns(rows, 60));
      if (all.length === 0) terminal.note('nobody', 'dim');
    }
    const read = new Set(found.map(({ path }) => path));
    const unread = [...(inCode ?? [])].filter((path) => !read.has(path));
    if (unread.length > 0) terminal.note(`in code, and read by nobody: ${unread.join(', ')}`);
    return all.length > 0 ? endings['would-change'].exit : 0;
  });
}

export function tellForeign(foreign: number, terminal: Terminal): void {
  if (foreign > 0) terminal.tell('warning', `${foreign} lines are no entries of an audit device, and were left out`);
}

/** What the files that are named tell. @param secrets whose paths are known @throws FlowError usage where none is */
export async function auditedReads(
  { positionals, values, lists }: Arguments,
  secrets: readonly { readonly path: string }[] = [],
): Promise<AuditedReads> {
  const files = positionals.slice(3);
  if (files.length === 0)
    throw new FlowError('usage', 'a file is missing', { hint: "name the file that Vault's audit device writes" });
  return readersIn({
    files,
    known: new Set(secrets.map(({ path }) => path)),
    without: new Set(lists['without']),
    since: timeOption(values, 'since', Date.now()),
  });
}

async function pathsInCode(
  { values }: Arguments,
  migration: Migration | undefined,
): Promise<ReadonlySet<string> | undefined> {
  const folder = values['code'];
  if (typeof folder !== 'string') return undefined;
  const uses = await usesInCode(folder, migration?.secrets ?? []);
  return new Set(uses.flatMap(({ path }) => (path === undefined ? [] : [path])));
}
