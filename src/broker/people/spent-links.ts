import type { Database } from '../../durable/database/contract.ts';
import type { OperatorClaim } from '../authentication/operator-token.ts';

/**
 * Uses up a link that the operator made: once, at whichever broker on the database it is opened, and before and after a
 * restart. @param now epoch milliseconds @returns false where it was used before @throws FlowError
 */
export function createSpentLinks(database: () => Promise<Database>, now: () => number) {
  return async ({ id, expires }: OperatorClaim): Promise<boolean> => {
    const [spent] = await (
      await database()
    ).query(
      `with over as (delete from flows_spent_links where until < $3)
       insert into flows_spent_links (id, until) values ($1, $2) on conflict do nothing returning id`,
      [id, expires * 1_000, now()],
    );
    return spent !== undefined;
  };
}
