import type { Database, Queries } from '../../durable/database/contract.ts';
import { enqueue } from '../../durable/outbox/enqueue.ts';
import type { Policy, Trust } from '../../folder/policy/policy.ts';
import { canonical } from '../../foundation/canonical-json.ts';
import type { Environment } from '../../folder/service/settings.ts';
import type { AuditEvent } from '../../audit/contract.ts';

export interface ToldKeysOptions {
  readonly database: () => Promise<Database>;
  /** as its file has it */
  readonly policy: () => Pick<Policy, 'approvers'>;
  readonly environment: () => Pick<Environment, 'name' | 'notify'>;
  /** where a person looks at them; undefined: no page is served */
  readonly url: () => string | undefined;
  /** Resolves when it is on the trail. */
  readonly record: (event: Pick<AuditEvent, 'action' | 'outcome' | 'what' | 'detail'>) => Promise<void>;
  /** epoch milliseconds */
  readonly now: () => number;
}

interface Known {
  readonly keys: readonly string[];
  readonly notify: readonly string[];
}
type People = Readonly<Record<string, Known>>;

/**
 * Tells all who approve that somebody's passkeys, or issuers, are not what they were: whoever can write policy.yaml can add one, also
 * while no broker runs. What was told last is kept; those who were told by it are told of what takes them off the list.
 * @returns looks whether there is something to tell; the first look tells nobody
 */
export function createToldKeys({ database, policy, environment, url, record, now }: ToldKeysOptions) {
  let anyone = false;
  return async (): Promise<void> => {
    const { name, notify } = environment();
    const people = peopleOf(policy());
    // who takes all of them away is told of too; where there never was one the database stays closed
    anyone ||= Object.keys(people).length > 0;
    if (!anyone || notify.size === 0) return;
    await (
      await database()
    ).transaction(async (tx) => {
      const before = await keep(tx, name, people);
      if (before === undefined) return;
      const channels = [before, people].flatMap((all) => Object.values(all).flatMap((each) => each.notify));
      for (const approver of new Set([...Object.keys(before), ...Object.keys(people)])) {
        const changes = changesOf(before[approver]?.keys ?? [], people[approver]?.keys ?? []);
        if (changes.length === 0) continue;
        const facts = {
          type: 'approver.keys-changed',
          environment: name,
          agent: approver,
          names: changes,
          url: url(),
        } as const;
        await enqueue(tx, { channels: channels.filter((each) => notify.has(each)), facts, at: now() });
        const detail = changes.join(', ');
        await record({ action: 'approver.keys-changed', outcome: 'allowed', what: [approver], detail });
      }
    });
  };
}

/** @returns what was kept before */
async function keep(tx: Queries, environment: string, people: People): Promise<People | undefined> {
  // of two brokers that see the same file the second finds what the first has told
  await tx.query('select pg_advisory_xact_lock(hashtext($1))', [`told keys ${environment}`]);
  const [before] = await tx.query<{ people: People }>('select people from flows_told_keys where environment = $1', [
    environment,
  ]);
  await tx.query(
    `insert into flows_told_keys (environment, people) values ($1, $2)
     on conflict (environment) do update set people = excluded.people`,
    [environment, JSON.stringify(people)],
  );
  return before?.people;
}

function peopleOf({ approvers = new Map() }: Pick<Policy, 'approvers'>): People {
  return Object.fromEntries(
    [...approvers.values()].map(({ name, passkeys, trust, notify }) => [
      name,
      // whole: whoever adds one chooses how it begins
      { keys: [...passkeys.map(({ id }) => id), ...trust.map((each) => canonical({ ...each }))], notify },
    ]),
  );
}

/** An id of a passkey is base64url, and a trust is JSON. */
function keyText(key: string): string {
  if (!key.startsWith('{')) return `passkey ${key.slice(0, 12)}…`;
  const { issuer, claims } = JSON.parse(key) as Trust;
  return `sign-in at ${issuer} as ${claims['sub']}`;
}

function changesOf(before: readonly string[], after: readonly string[]): readonly string[] {
  const told = (what: string, keys: Iterable<string>) => [...keys].map((key) => `${keyText(key)} ${what}`);
  const [old, young] = [new Set(before), new Set(after)];
  return [...told('added', young.difference(old)), ...told('removed', old.difference(young))];
}
