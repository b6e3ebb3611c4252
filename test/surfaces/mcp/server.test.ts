import { InMemoryTransport } from '@modelcontextprotocol/client';
import { expect, test } from 'vitest';
import { paths } from '../../../src/foundation/wire.ts';
import type { DoorRequest } from '../../../src/surfaces/mcp/broker-door.ts';
import { createMcpServers } from '../../../src/surfaces/mcp/server.ts';
import { callOf, mcpClient } from './stand.ts';

const approval = { id: `a-${'0'.repeat(18)}`, url: 'http://localhost:1/#/approvals/a' };

/** A client of the older era that opens pages, at a broker whose run waits for a person from its nth look on. @param late seconds of a look besides its wait */
async function talk(waitsFrom: number, late = 0) {
  let now = 0;
  const waits: number[] = [];
  const door = {
    async ask({ method, path }: DoorRequest) {
      if (path === paths.flows)
        return { flows: [{ name: 'seed', description: '', effect: 'write', inputs: { properties: {} } }] };
      if (method === 'POST') return { id: 'r-1', flow: 'seed', state: 'running' };
      const wait = Number(path.split('wait=')[1]);
      now += (wait + late) * 1_000;
      const waiting = waits.push(wait) >= waitsFrom;
      return { id: 'r-1', flow: 'seed', state: waiting ? 'waiting' : 'running', ...(waiting ? { approval } : {}) };
    },
  };
  const client = mcpClient('legacy', 'url');
  const [here, there] = InMemoryTransport.createLinkedPair();
  const server = createMcpServers({ version: '0', doorOf: () => door, now: () => now })({ era: 'legacy' });
  await Promise.all([server.connect(there), client.connect(here)]);
  /** seconds go by */
  const pass = (seconds: number) => void (now += seconds * 1_000);
  return { client, waits, pass, [Symbol.asyncDispose]: () => client.close() };
}

const waiting = { status: 'waiting', run: 'r-1', approval, failed: false };

test('in the older era the person has what is left of the call, and the run what is left by them', async () => {
  await using talking = await talk(3);
  talking.client.setRequestHandler('elicitation/create', () => {
    talking.pass(20.5);
    return { action: 'accept' };
  });
  expect(await callOf(talking.client, 'run_flow', { flow: 'seed' })).toMatchObject(waiting);
  expect(talking.waits).toEqual([1, 2, 5, 16]);
});

test('in the older era a person who says nothing is waited for no longer than the call may take', async () => {
  // what is left are 100 ms
  await using talking = await talk(1, 43.9);
  let asked: AbortSignal | undefined;
  talking.client.setRequestHandler('elicitation/create', (_, { mcpReq }) => {
    asked = mcpReq.signal;
    return new Promise(() => undefined);
  });
  expect(await callOf(talking.client, 'run_flow', { flow: 'seed' })).toMatchObject(waiting);
  await expect.poll(() => asked?.aborted).toBe(true);
});

test('in the older era nobody is asked once the call has taken its time', async () => {
  await using talking = await talk(5);
  let asked = 0;
  talking.client.setRequestHandler('elicitation/create', () => {
    asked += 1;
    return { action: 'accept' };
  });
  expect(await callOf(talking.client, 'run_flow', { flow: 'seed' })).toMatchObject(waiting);
  expect([asked, talking.waits]).toEqual([0, [1, 2, 5, 12, 25]]);
});
