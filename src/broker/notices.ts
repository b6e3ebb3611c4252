import type { NotTold } from '../adapters/channels/contract.ts';
import type { App } from '../app/open-app.ts';
import type { AuditEvent } from '../audit/contract.ts';
import type { Database } from '../durable/database/contract.ts';
import type { Outbox } from '../durable/outbox/outbox.ts';
import type { BrokerClock } from '../foundation/clocks.ts';
import { asFlowError } from '../foundation/errors.ts';
import type { UpstreamFailures } from './upstream-failures.ts';

export interface NoticesOptions {
  readonly app: Pick<App, 'connections'>;
  readonly clock: BrokerClock;
  /** Resolves when it is on the trail. */
  readonly record: (event: AuditEvent) => Promise<void>;
  readonly failures: Pick<UpstreamFailures, 'told'>;
}

/** Tells people what was put into the outbox. */
export interface Notices {
  /** The database is open: what is in it is delivered from now on, what was left before too. */
  begin(database: Database): void;
  close(): Promise<void>;
}

export function createNotices({ app, clock, record, failures }: NoticesOptions): Notices {
  let outbox: Promise<Outbox | undefined> | undefined;
  let closed = false;

  async function open(database: Database): Promise<Outbox | undefined> {
    const { createOutbox } = await import('../durable/outbox/outbox.ts');
    if (closed) return undefined;
    return createOutbox({
      database,
      clock,
      async send(channel, notice, signal) {
        const connections = await app.connections();
        await connections.channel(channel).send(notice, signal);
      },
      failed: ({ channel, error }) => failures.told({ what: [`notify.${channel}`] }, error),
      async gaveUp(failure) {
        failures.told({ what: [`notify.${failure.channel}`] }, failure.error);
        await record(notToldEvent(failure, `given up after ${failure.tries} attempts`));
      },
    });
  }

  return {
    begin(database) {
      outbox = open(database);
      outbox.catch((error: unknown) => failures.told({ what: ['notify'] }, asFlowError(error)));
    },
    async close() {
      closed = true;
      await (await outbox?.catch(() => undefined))?.close();
    },
  };
}

/** What the trail says of a notice that a channel did not take. @param detail in our own words */
export function notToldEvent({ channel, notice, error }: NotTold, detail?: string): AuditEvent {
  return {
    agent: notice.agent,
    action: 'notify.failed',
    what: notice.names,
    outcome: 'failed',
    code: error.code,
    approval: notice.approval,
    agentRun: notice.agentRun,
    request: notice.id,
    detail: [`${notice.type} by ${channel}`, detail].filter((part) => part !== undefined).join(': '),
  };
}
