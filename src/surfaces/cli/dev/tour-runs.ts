import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { BrokerError } from '../../../client/broker-error.ts';
import type { AgentRun, Client } from '../../../client/contract.ts';
import { FlowError } from '../../../foundation/errors.ts';
import { sleepUntilAborted } from '../../../foundation/sleep.ts';
import { pathOf, paths } from '../../../foundation/wire.ts';
import type { DevBroker } from './laptop-broker.ts';
import type { Line } from './report.ts';

/** What policy.yaml of the shipped folder lets the agent run once a person has said yes. */
const flow = 'seed-runtime';

/** milliseconds that a run may take to ask */
const patience = 120_000;

const served = z.object({ id: z.string(), state: z.string(), step: z.string().optional() });

const order = z.object({ output: z.object({ id: z.string(), status: z.string() }) });

/** Asks the broker as its agent. */
async function ask<T>(
  { url, tokenFile }: DevBroker,
  form: z.ZodType<T>,
  method: 'GET' | 'POST',
  path: string,
): Promise<T> {
  const token = (await readFile(tokenFile, 'utf8')).trim();
  const response = await fetch(new URL(path, url), { method, headers: { authorization: `Bearer ${token}` } });
  if (!response.ok) throw new FlowError('denied', `the broker said ${response.status}`);
  return form.parse(await response.json());
}

const begun = (of: string) => pathOf(paths.runs, of);
const at = (id: string) => pathOf(paths.run, id);

/** A run that asks an API: the agent has what it made, and never the token that made it. */
export async function orderedRun(broker: DevBroker, line: Line): Promise<void> {
  await line(`${broker.agent}: create-order`, async () => {
    const { id: run } = await ask(broker, served, 'POST', begun('create-order'));
    const { state } = await ask(broker, served, 'GET', `${at(run)}?wait=30`);
    if (state !== 'succeeded') throw new FlowError('conflict', `the run is ${state}`);
    const { output } = await ask(broker, order, 'GET', pathOf(paths.runOutput, run));
    return `order ${output.id} is ${output.status}; the agent never had the token`;
  });
}

/** A run of a flow that writes: it waits for a person, gets its yes, and ends. */
export async function approvedRun(broker: DevBroker, line: Line): Promise<void> {
  const { agent, approver } = broker;
  const signal = AbortSignal.timeout(patience);
  const sleep = sleepUntilAborted(signal);
  let [run, approval] = ['', ''];
  await line(`${agent}: ${flow}`, async () => {
    if (approver === undefined) throw new FlowError('invalid', 'policy.yaml has no approver');
    run = (await ask(broker, served, 'POST', begun(flow))).id;
    for (;;) {
      const [first] = await approver.waiting();
      const { state } = await ask(broker, served, 'GET', at(run));
      if (first !== undefined && state === 'waiting') {
        approval = first;
        return `waits for approval ${approval}`;
      }
      if (state !== 'planned' && state !== 'running' && state !== 'waiting')
        throw new FlowError('internal', `it asked nobody, and is ${state}`);
      await sleep(100);
    }
  });
  await line(`${approver?.name ?? 'nobody'}: yes`, async () => {
    await approver?.approve(approval);
    return 'signed by a software key made at this start: no person';
  });
  await line(`${agent}: ${flow}, approved`, async () => {
    const { state } = await ask(broker, served, 'GET', `${at(run)}?wait=30`);
    if (state !== 'succeeded') throw new FlowError('conflict', `the run is ${state}`);
    return `the run ${state}`;
  });
}

/** An agent run, and one below it that may have less: what the one may have, the other is refused. */
export async function narrowedRun(client: Client, secret: string, kept: string): Promise<string> {
  const child = (run: AgentRun) =>
    run.run(
      (narrower) =>
        narrower.secrets([secret]).then(
          () => undefined,
          (error: unknown) => error,
        ),
      { allow: [kept] },
    );
  const refusal = await client.run(async (run) => {
    await run.secrets([secret]);
    return child(run);
  });
  if (!(refusal instanceof BrokerError)) throw new FlowError('internal', 'it was given what its run leaves out');
  if (refusal.code !== 'not-allowed') throw refusal;
  return `denied: ${refusal.status} ${refusal.code}; the run above it was given it`;
}
