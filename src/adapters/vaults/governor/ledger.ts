import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { type ErrorCode, errorCodes } from '../../../foundation/errors.ts';
import type { Circuit } from './circuit-breaker.ts';
import { type Bucket, bucketAt, bucketLength, day } from './sliding-window.ts';

export type RequestKind = 'read' | 'write';

/** Requests and failures by scope, shared by all processes of this user on this machine. */
export interface Ledger {
  /** All of it, or nothing, with no other process in between. */
  transaction<T>(work: () => T): T;
  buckets(scope: string, kind: RequestKind): readonly Bucket[];
  /** @param count may be negative, to take back what was added to the same bucket */
  add(scope: string, kind: RequestKind, bucket: number, count: number): void;
  circuit(scope: string): Circuit | undefined;
  setCircuit(scope: string, circuit: Circuit | undefined): void;
  close(): void;
}

/** milliseconds that a process waits for another one's transaction, which takes microseconds */
const patience = 500;

const tables = `
  create table if not exists usage (
    scope text not null, kind text not null, bucket integer not null, count integer not null,
    primary key (scope, kind, bucket)
  ) strict, without rowid;
  create table if not exists circuit (
    scope text primary key not null, failures integer not null, code text not null, last integer not null, until integer not null
  ) strict, without rowid;`;

/**
 * Opens the ledger, or begins it. One that cannot be used, be it damaged or on a disk that is full, is told and done
 * without: this process counts for itself then. Writes survive the end of the process; no disk
 * is waited for, so a power cut may damage it, and then it is begun anew.
 * What counts no more is forgotten. @param file undefined: in memory
 */
export async function openLedger(
  file: string | undefined,
  { now, warn }: { readonly now: number; readonly warn: (message: string) => void },
): Promise<Ledger> {
  const { DatabaseSync } = await import('node:sqlite');
  const open = (path: string): DatabaseSync => {
    const database = new DatabaseSync(path, { timeout: patience });
    try {
      database.exec('pragma journal_mode = wal; pragma synchronous = off;');
      database.exec(tables);
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  };
  if (file === undefined) return ledgerOn(open(':memory:'), now);
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    closeSync(openSync(file, 'a', 0o600));
    try {
      return ledgerOn(open(file), now);
    } catch (error) {
      if (!isDamaged(error)) throw error;
      warn(`the vault's ledger ${file} is damaged: it is begun anew`);
      for (const each of [file, `${file}-wal`, `${file}-shm`]) rmSync(each, { force: true });
      closeSync(openSync(file, 'a', 0o600));
      return ledgerOn(open(file), now);
    }
  } catch {
    warn(`the vault's ledger ${file} cannot be used: requests are counted in this process only`);
    return ledgerOn(open(':memory:'), now);
  }
}

/** SQLITE_CORRUPT and SQLITE_NOTADB */
function isDamaged(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && (error.errcode === 11 || error.errcode === 26);
}

function ledgerOn(database: DatabaseSync, now: number): Ledger {
  const statements = {
    buckets: database.prepare('select bucket, count from usage where scope = ? and kind = ?'),
    add: database.prepare(
      'insert into usage values (?, ?, ?, ?) on conflict do update set count = count + excluded.count',
    ),
    prune: database.prepare('delete from usage where bucket < ? or bucket > ?'),
    circuit: database.prepare('select failures, code, last, until from circuit where scope = ?'),
    setCircuit: database.prepare('insert or replace into circuit values (?, ?, ?, ?, ?)'),
    closeCircuit: database.prepare('delete from circuit where scope = ?'),
  };
  let pruned = bucketAt(now);
  /** Of a clock that was set back by a day or more nothing is kept: it would count for as long. */
  const prune = (at: number) => {
    pruned = at;
    statements.prune.run(at - day - bucketLength, at + day);
  };
  prune(pruned);

  return {
    transaction(work) {
      database.exec('begin immediate');
      try {
        const result = work();
        database.exec('commit');
        return result;
      } catch (error) {
        database.exec('rollback');
        throw error;
      }
    },
    buckets: (scope, kind) =>
      statements.buckets.all(scope, kind).map(({ bucket, count }) => ({ start: Number(bucket), count: Number(count) })),
    add(scope, kind, bucket, count) {
      if (count !== 0) statements.add.run(scope, kind, bucket, count);
      if (bucket > pruned) prune(bucket);
    },
    circuit(scope) {
      const row = statements.circuit.get(scope);
      const code = codeNamed(row?.['code']);
      if (row === undefined || code === undefined) return undefined;
      return { failures: Number(row['failures']), code, last: Number(row['last']), until: Number(row['until']) };
    },
    setCircuit(scope, circuit) {
      if (circuit === undefined) statements.closeCircuit.run(scope);
      else statements.setCircuit.run(scope, circuit.failures, circuit.code, circuit.last, circuit.until);
    },
    close() {
      if (database.isOpen) database.close();
    },
  };
}

function codeNamed(text: unknown): ErrorCode | undefined {
  return typeof text === 'string' && Object.hasOwn(errorCodes, text) ? (text as ErrorCode) : undefined;
}
