import { closeSync, openSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { type ErrorCode, errorCodes } from '../../../foundation/errors.ts';
import { makeFolder } from '../../../foundation/make-folder.ts';
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

/** milliseconds that a process waits, and does nothing else, for another one's transaction, which takes microseconds */
const patience = 10;
/** milliseconds at the end */
const lastPatience = 1_000;

const tables = `
  create table if not exists usage (
    scope text not null, kind text not null, bucket integer not null, count integer not null,
    primary key (scope, kind, bucket)
  ) strict, without rowid;
  create table if not exists left_alone (
    scope text primary key not null, failures integer not null, code text not null, last integer not null, until integer not null,
    asked integer not null
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
  const memory = () => ledgerOn(open(':memory:'), now);
  if (file === undefined) return memory();
  const ledger = patient(() => ledgerOn(open(file), now), memory);
  const begin = () => {
    closeSync(openSync(file, 'a', 0o600));
    ledger.transaction(() => undefined);
  };
  try {
    makeFolder(dirname(file), 0o700);
    try {
      begin();
    } catch (error) {
      if (!isDamaged(error)) throw error;
      warn(`the vault's ledger ${file} is damaged: it is begun anew`);
      for (const each of [file, `${file}-wal`, `${file}-shm`]) rmSync(each, { force: true });
      begin();
    }
    return ledger;
  } catch {
    warn(`the vault's ledger ${file} cannot be used: requests are counted in this process only`);
    return memory();
  }
}

/** SQLITE_BUSY and SQLITE_LOCKED, plain or extended: another process is at it, and nothing is broken. */
function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && [5, 6].includes(Number(error.errcode) & 0xff);
}

/**
 * A ledger that never waits for another process: what is counted while that one is at it is counted aside, and added at
 * the next transaction, or at the end.
 */
function patient(open: () => Ledger, memory: () => Ledger): Ledger {
  let main: Ledger | undefined;
  let aside: Ledger | undefined;
  let owed: ((ledger: Ledger) => void)[] = [];
  const besides = () => (aside ??= memory());
  const shared = <T>(work: (ledger: Ledger) => T): T => {
    main ??= open();
    const ledger = main;
    const result = ledger.transaction(() => {
      for (const change of owed) change(ledger);
      return work(ledger);
    });
    owed = [];
    return result;
  };
  let current: Ledger | undefined;
  const now = () => current ?? main ?? besides();
  const within = <T>(ledger: Ledger, work: () => T): T => {
    current = ledger;
    try {
      return work();
    } finally {
      current = undefined;
    }
  };
  return {
    transaction(work) {
      try {
        return shared((ledger) => within(ledger, work));
      } catch (error) {
        if (!isBusy(error)) throw error;
        return within(recorded(besides(), owed), work);
      }
    },
    buckets: (...asked) => now().buckets(...asked),
    add: (...change) => now().add(...change),
    circuit: (scope) => now().circuit(scope),
    setCircuit: (...change) => now().setCircuit(...change),
    close() {
      // nobody is served any more, so this may wait
      const until = performance.now() + lastPatience;
      while (owed.length > 0 && performance.now() < until) {
        try {
          shared(() => undefined);
        } catch (error) {
          if (!isBusy(error)) break;
        }
      }
      main?.close();
      aside?.close();
    },
  };
}

/** The same ledger, which tells what is changed in it. */
function recorded(ledger: Ledger, changes: ((other: Ledger) => void)[]): Ledger {
  return {
    ...ledger,
    add(...change) {
      ledger.add(...change);
      changes.push((other) => other.add(...change));
    },
    setCircuit(...change) {
      ledger.setCircuit(...change);
      changes.push((other) => other.setCircuit(...change));
    },
  };
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
    circuit: database.prepare('select failures, code, last, until, asked from left_alone where scope = ?'),
    setCircuit: database.prepare('insert or replace into left_alone values (?, ?, ?, ?, ?, ?)'),
    closeCircuit: database.prepare('delete from left_alone where scope = ?'),
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
      const [failures = 0, last = 0, until = 0, asked = 0] = ['failures', 'last', 'until', 'asked'].map((key) =>
        Number(row[key]),
      );
      return { failures, code, last, until, asked };
    },
    setCircuit(scope, circuit) {
      if (circuit === undefined) statements.closeCircuit.run(scope);
      else statements.setCircuit.run(scope, circuit.failures, circuit.code, circuit.last, circuit.until, circuit.asked);
    },
    close() {
      if (database.isOpen) database.close();
    },
  };
}

function codeNamed(text: unknown): ErrorCode | undefined {
  return typeof text === 'string' && Object.hasOwn(errorCodes, text) ? (text as ErrorCode) : undefined;
}
