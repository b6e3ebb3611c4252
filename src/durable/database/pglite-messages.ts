export interface PgliteSetup {
  /** the folder of its files, or where they are to be */
  readonly data: string;
  /** its code, compiled */
  readonly pgliteWasmModule: object;
  readonly initdbWasmModule: object;
  /** what that finds at its own paths */
  readonly files: Uint8Array<ArrayBuffer>;
}

/** A statement; without parameters its text may be several. */
export interface Statement {
  readonly text: string;
  readonly parameters: readonly unknown[];
}

/** The thread does one after the other, in the order in which they come: it opens the database, does statements, closes it. */
export interface Question {
  readonly id: number;
  readonly asks: 'open' | 'close' | Statement;
}

export type Reply =
  | { readonly id: number; readonly rows: readonly object[]; readonly rowCount: number }
  /** its fields as PostgreSQL has them: `code`, `constraint` */
  | {
      readonly id: number;
      readonly failure: { readonly message: string; readonly fields: Readonly<Record<string, string>> };
    }
  /** announced by `pg_notify`, before the reply to what announced it */
  | { readonly channel: string; readonly payload: string };
