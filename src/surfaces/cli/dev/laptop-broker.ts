import { createBearer } from '../../../broker/authentication/bearer-token.ts';
import { type App, openApp } from '../../../app/open-app.ts';
import type { Checkpoint } from '../../../audit/checkpoint-sink.ts';
import { segmentsOf } from '../../../audit/segments.ts';
import { readTrail } from '../../../audit/read-trail.ts';
import { type Trace, trace } from '../../../audit/trace.ts';
import { type Verification, verifyTrail } from '../../../audit/verify-trail.ts';
import { loadBrokerFiles } from '../../../folder/policy-and-registry.ts';
import type { TakenEnvironment } from '../../../foundation/environment-variables.ts';
import { asFlowError } from '../../../foundation/errors.ts';
import { leaveNote } from '../../../foundation/process-note.ts';
import type { Folder } from '../../../folder/load-folder.ts';
import { createLogger } from '../../server/log.ts';
import { guestTokenFile } from '../../server/announcement.ts';
import { defaultPort } from '../../server/listen-tcp.ts';
import { type Service, serve } from '../../server/start.ts';
import { createSoftwareApprover, type LaptopApprover } from './laptop-approver.ts';
import { tellProblems } from '../tell-problems.ts';
import type { Terminal } from '../terminal.ts';

/** The broker of `npm start`, with a token for one agent of policy.yaml, and a key for one approver, that end with it. */
export interface DevBroker {
  readonly url: string;
  /** where people look at it */
  readonly page: string | undefined;
  readonly agent: string;
  /** a file with the agent's token, mode 0600 */
  readonly tokenFile: string;
  /** says yes in the name of an approver; undefined: policy.yaml has none */
  readonly approver: LaptopApprover | undefined;
  /** its audit trail, as it is on disk */
  verified(): Promise<Verification>;
  /** what the trail has of a token, by its `jti` */
  traced(jti: string): Promise<Trace>;
  close(): Promise<void>;
}

export interface DevBrokerOptions {
  readonly folder: Folder;
  readonly taken: TakenEnvironment;
  readonly terminal: Terminal;
  /** the port that people expect, where it is free; else any */
  readonly usualPort: boolean;
}

/** Undefined where policy.yaml has no agent. @throws FlowError */
export async function startDevBroker({ folder, taken, terminal, usualPort }: DevBrokerOptions) {
  const { policy } = loadBrokerFiles(folder);
  const [agent] = policy.agents.keys();
  const [person] = policy.approvers?.keys() ?? [];
  if (agent === undefined) return undefined;
  const app = await openApp({
    dir: folder.dir,
    environment: 'development',
    taken,
    warn: (message) => terminal.tell('warning', message),
  });
  const closing = new AsyncDisposableStack();
  closing.defer(app.close);
  const close = () => closing.disposeAsync();
  try {
    const token = createBearer();
    const key = person === undefined ? undefined : createSoftwareApprover(person);
    const checkpoints: Checkpoint[] = [];
    const start = (port: number) =>
      serve({
        app,
        listen: { port },
        log: createLogger('warn'),
        anchor: (checkpoint) => void checkpoints.push(checkpoint),
        guest: { agent, token, approver: key },
        onProblems: (problems) => tellProblems(problems, terminal),
        warn: (message) => terminal.tell('warning', message),
      });
    const service = usualPort ? await usual(start) : await start(0);
    closing.defer(service.close);
    const tokenFile = guestTokenFile(folder.dir);
    closing.defer(await leaveNote(tokenFile, `${token.reveal()}\n`));
    const broker: DevBroker = {
      url: service.url ?? '',
      page: service.page,
      agent,
      tokenFile,
      approver: service.page === undefined ? undefined : key?.at(service.page),
      verified: () => verified(app, service, checkpoints),
      traced: (jti) => trace((filter) => readTrail(segmentsOf(service.trail), filter), { jti }),
      close,
    };
    return broker;
  } catch (error) {
    await close();
    throw error;
  }
}

async function usual(start: (port: number) => Promise<Service>): Promise<Service> {
  try {
    return await start(defaultPort);
  } catch (error) {
    if (asFlowError(error).code !== 'unavailable') throw error;
    return start(0);
  }
}

async function verified(app: App, { trail }: Service, checkpoints: readonly Checkpoint[]): Promise<Verification> {
  const keys = await (await app.connections()).derivedKeys('audit');
  return verifyTrail(segmentsOf(trail), keys, checkpoints);
}
