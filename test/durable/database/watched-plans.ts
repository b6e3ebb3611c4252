import type { OpenDatabase, Queries } from '../../../src/durable/database/contract.ts';

/** A database that remembers what it is asked, and tells by the planner itself what is read from end to end for it. */
export function watchedPlans(database: OpenDatabase) {
  const asked: (readonly [string, readonly unknown[]])[] = [];
  const watching = ({ query }: Queries): Queries => ({
    query(text, parameters = []) {
      asked.push([text, parameters]);
      return query(text, parameters);
    },
  });
  return {
    database: {
      ...database,
      ...watching(database),
      transaction: <T>(work: (tx: Queries) => Promise<T>) => database.transaction((tx) => work(watching(tx))),
    } satisfies OpenDatabase,
    /** The statements that read every row of a table, which they do not where an index serves. */
    async wholeReadsOf(table: string): Promise<readonly string[]> {
      const found: string[] = [];
      for (const [text, parameters] of asked) {
        if (!text.includes(table)) continue;
        // nothing is carried out
        const [row] = await database.query(`explain (format json) ${text}`, parameters);
        if (scansIn(row).includes(table)) found.push(`${text} ${JSON.stringify(parameters)}`);
      }
      return found;
    },
  };
}

/** The tables that a plan reads whole, wherever in it. */
function scansIn(plan: unknown): readonly unknown[] {
  if (typeof plan !== 'object' || plan === null) return [];
  const own =
    'Node Type' in plan && plan['Node Type'] === 'Seq Scan' && 'Relation Name' in plan ? [plan['Relation Name']] : [];
  return [...own, ...Object.values(plan).flatMap(scansIn)];
}
