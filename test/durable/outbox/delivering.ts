import { createWebhook } from '../../../src/adapters/channels/webhook/webhook.ts';
import { openDatabase } from '../../../src/durable/database/open-database.ts';
import { createValueGuard } from '../../../src/durable/database/value-guard.ts';
import { enqueue } from '../../../src/durable/outbox/enqueue.ts';
import { createOutbox } from '../../../src/durable/outbox/outbox.ts';
import { outboxSchema } from '../../../src/durable/outbox/schema.ts';
import { systemClock } from '../../../src/foundation/clocks.ts';
import { facts } from '../../contracts/channel-facts.ts';
import { createWay } from '../../../src/foundation/proxy.ts';
import { Reference } from '../../../src/foundation/reference.ts';
import { Secret } from '../../../src/foundation/secret.ts';

/** A process that puts notices where they are told from, delivers them, or both, and says on stdout what it did. */
const [folder = '', url = '', secret = '', what = '', shift = '0'] = process.argv.slice(2);
const say = (line: string) => process.stdout.write(`${line}\n`);
const clock = { ...systemClock, now: () => Date.now() + Number(shift) };
const schema = [
  ...outboxSchema,
  { name: 'things-1', statements: ['create table flows_things (name text primary key)'] },
];
const database = await openDatabase({ address: undefined, folder, schema, guard: createValueGuard() });
const services = { name: 'ops', development: true, now: clock.now, way: createWay(undefined) };
const channel = createWebhook({
  ...services,
  url,
  secret: [Reference.of({ vault: 'A', item: 'ops', field: 'password' })],
  read: () => Promise.resolve(new Secret(secret)),
});

if (what.includes('enqueue')) {
  await database.transaction(async (tx) => {
    await tx.query('insert into flows_things values ($1)', ['thing']);
    await enqueue(tx, { channels: ['ops'], facts: { ...facts, expires: undefined }, at: clock.now() });
  });
  say('committed');
}
if (what.includes('deliver')) {
  const outbox = await createOutbox({
    database,
    clock,
    send: (_, notice, signal) => channel.send(notice, signal),
    failed: ({ error }) => say(`failed ${error.code}`),
    gaveUp: ({ error }) => Promise.resolve(void say(`gave up ${error.code}`)),
  });
  await outbox.idle();
  const left = await database.query('select id from flows_outbox');
  say(`left ${left.length}`);
}
setInterval(() => undefined, 1_000);
