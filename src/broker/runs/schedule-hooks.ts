import { randomUUID } from 'node:crypto';
import type { App } from '../../app/open-app.ts';
import type { ScheduleHooks } from '../../durable/runs/contract.ts';
import { scheduleAgent } from '../../folder/policy/policy.ts';
import { type Audited, eventOf } from '../audited-answers.ts';
import type { Caller } from '../contract.ts';
import type { Permission } from '../permission.ts';
import { BrokerRefusal } from '../refusal.ts';
import type { ServedRuns } from './served-runs.ts';

export interface ScheduleHooksOptions {
  readonly app: Pick<App, 'folder'>;
  readonly permission: Permission;
  readonly audited: Pick<Audited, 'answer' | 'record'>;
  readonly served: Pick<ServedRuns, 'start'>;
  readonly warn: (message: string) => void;
}

/** Ticks of schedules, in the name of an agent that policy names like any other, and that nothing else can prove. */
export function createScheduleHooks({ app, permission, audited, served, warn }: ScheduleHooksOptions): ScheduleHooks {
  const callerAt = (at: number): Caller => ({
    agent: scheduleAgent,
    by: 'schedule',
    request: randomUUID(),
    reason: `scheduled for ${new Date(at).toISOString()}`,
    address: 'schedule',
  });
  return {
    agent: scheduleAgent,
    flows: () =>
      [...app.folder.flows.values()].filter(
        ({ name, schedule }) => schedule !== undefined && permission.served(name) !== undefined,
      ),
    async begin(flow, at) {
      const caller = callerAt(at);
      const request = { inputs: {}, key: `${flow} ${new Date(at).toISOString()}` };
      await audited
        .answer(caller, 'run.started', [flow], () => served.start(caller, flow, request))
        .catch((error: unknown) => {
          // a tick that policy refuses is dealt with; what passes is tried again
          if (!(error instanceof BrokerRefusal) || error.status >= 500) throw error;
        });
    },
    async missed(flow, count, madeUp) {
      const detail = `${count} missed${madeUp ? ', the last is made up for' : ''}`;
      warn(`schedule of flow "${flow}": ${detail}`);
      const event = eventOf(callerAt(Date.now()), 'schedule.missed', [flow]);
      await audited.record({ ...event, reason: undefined, outcome: madeUp ? 'allowed' : 'failed', detail });
    },
  };
}
