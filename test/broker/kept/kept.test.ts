import { describe } from 'vitest';
import { keptInDatabase } from '../../../src/broker/kept/in-database.ts';
import { keptInMemory } from '../../../src/broker/kept/in-memory.ts';
import { keptSchema } from '../../../src/broker/kept/schema.ts';
import { peopleSchema } from '../../../src/broker/people/schema.ts';
import { keptContract } from '../../contracts/kept.ts';
import { emptiedDatabase } from '../../durable/database/fresh-database.ts';
import { createClock } from '../arrange.ts';

describe('what one broker keeps in memory', () => {
  keptContract((most) => {
    const clock = createClock();
    const kept = keptInMemory(clock, most);
    return Promise.resolve({ clock, kept: [kept, kept] });
  });
});

describe('what brokers keep in a database', () => {
  keptContract(async (most) => {
    const clock = createClock();
    const database = await emptiedDatabase([...peopleSchema, ...keptSchema]);
    const [one, other] = [0, 1].map(() => keptInDatabase(() => Promise.resolve(database), clock.now, most));
    if (one === undefined || other === undefined) throw new TypeError('no database');
    return { clock, kept: [one, other] };
  });
});
