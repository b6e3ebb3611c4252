import { beforeEach, expect, it } from 'vitest';
import type { Notice } from '../../../src/adapters/channels/contract.ts';
import { createToldKeys } from '../../../src/broker/people/told-keys.ts';
import type { Approver } from '../../../src/folder/policy/policy.ts';
import type { OpenDatabase } from '../../../src/durable/database/contract.ts';
import { schema } from '../approvals/stand.ts';
import { emptiedDatabase } from '../../durable/database/fresh-database.ts';

let database: OpenDatabase;
beforeEach(async () => {
  database = await emptiedDatabase(schema);
});

const notify = new Map(['ops', 'phone'].map((name) => [name, {}])) as never;

/** A broker that looks at who approves; what it told, and put onto the trail. */
function looking() {
  const state = { people: new Map<string, Approver>(), broken: false };
  const trail: unknown[] = [];
  const look = createToldKeys({
    database: () => Promise.resolve(database),
    policy: () => ({ approvers: state.people }),
    environment: () => ({ name: 'production', notify }),
    url: () => 'https://flows.example/#/policy',
    async record(event) {
      if (state.broken) throw new Error('disk full');
      trail.push(event);
    },
    now: () => 1,
  });
  const has = (name: string, keys: readonly string[], told: readonly string[] = ['ops']) => {
    const passkeys = keys.map((id) => ({ id, publicKey: '', algorithm: 'ES256', synced: false, added: '' }) as const);
    state.people.set(name, { name, passkeys, trust: [], ownerOf: [], notify: told });
  };
  return { look, has, trail, state };
}

async function told(): Promise<readonly (readonly [string, string, readonly string[]])[]> {
  const rows = await database.query<{ channel: string; notice: Notice }>('delete from flows_outbox returning *');
  return rows
    .map(({ channel, notice }) => [channel, notice.agent, notice.names] as const)
    .toSorted(([a], [b]) => a.localeCompare(b));
}

it('tells all who approve of each change of a passkey once, and nothing at the first look', async () => {
  const { look, has, trail } = looking();
  has('ann', ['a'.repeat(20)]);
  has('bo', [], ['phone', 'elsewhere']);
  await look();
  expect(await told()).toEqual([]);
  has('bo', ['b'.repeat(20)], ['phone', 'elsewhere']);
  // two brokers that see the same file
  await Promise.all([look(), look()]);
  const change = ['passkey bbbbbbbbbbbb… added'];
  expect(await told()).toEqual([
    ['ops', 'bo', change],
    ['phone', 'bo', change],
  ]);
  expect(trail).toMatchObject([{ action: 'approver.keys-changed', what: ['bo'], detail: change[0] }]);
});

it('tells of an issuer that proves somebody as of a passkey', async () => {
  const { look, has, state } = looking();
  has('ann', ['a'.repeat(20)]);
  await look();
  await told();
  const ann = state.people.get('ann');
  if (ann === undefined) throw new TypeError('no ann');
  const trust = [{ issuer: 'https://i.example', audience: 'flows-page', claims: { sub: 'eve' } }];
  state.people.set('ann', { ...ann, trust });
  await look();
  expect(await told()).toEqual([['ops', 'ann', ['sign-in at https://i.example as eve added']]]);
  // its keys come from elsewhere now
  state.people.set('ann', { ...ann, trust: trust.map((each) => ({ ...each, jwksUri: 'https://evil.example' })) });
  await look();
  expect((await told()).flatMap(([, , names]) => names)).toHaveLength(2);
});

it('tells also those whom the change takes off the list', async () => {
  const { look, has, state } = looking();
  has('ann', ['a'.repeat(20)]);
  await look();
  state.people.clear();
  await look();
  expect(await told()).toEqual([['ops', 'ann', ['passkey aaaaaaaaaaaa… removed']]]);
});

it('tells at the next look what could not be written down', async () => {
  const { look, has, state } = looking();
  has('ann', []);
  await look();
  has('ann', ['a'.repeat(20)]);
  state.broken = true;
  await expect(look()).rejects.toThrow('disk full');
  expect(await told()).toEqual([]);
  state.broken = false;
  await look();
  expect(await told()).toHaveLength(1);
});
