import { openFolder } from '../../app/open-folder.ts';
import { randomUUID } from 'node:crypto';
import { createAuthenticator } from '../../broker/authentication/authenticate.ts';
import { type Guest, withGuest } from '../../broker/authentication/guest-token.ts';
import type { App } from '../../app/open-app.ts';
import { type Anchor, anchorInFile, anchorOnStderr } from '../../audit/checkpoint-sink.ts';
import type { AuditEvent } from '../../audit/contract.ts';
import { brokerTrail, localUser } from '../../audit/trail-files.ts';
import { openTrail } from '../../audit/trail.ts';
import { createBroker } from '../../broker/broker.ts';
import { FlowError } from '../../foundation/errors.ts';
import type { Problem } from '../../language/problems.ts';
import { watchPolicy, type RulesInForce } from '../../broker/policy/rules-in-force.ts';
import { type RunningServer, startServer } from './http-server.ts';
import { announceBroker } from './announcement.ts';
import { type ListenAddress, tcpAddress } from './listen-tcp.ts';
import type { Logger } from './log.ts';
import { readingsOf } from './broker-metrics.ts';
import { stateFolder } from '../../foundation/state-folder.ts';
import type { QuotaEvent } from '../../adapters/vaults/quota.ts';

export interface ServiceOptions {
  readonly app: App;
  /** instead of what the environment's `server:` says */
  readonly listen?: ListenAddress;
  readonly log: Logger;
  /** instead of what the environment's `audit.anchor` says */
  readonly anchor?: Anchor;
  /** on the laptop: a token that policy.yaml knows nothing of */
  readonly guest?: Guest;
  /** policy.yaml or registry.yaml is wrong: what was in force before stays */
  readonly onProblems: (problems: readonly Problem[]) => void;
  /** one line for a person, never a value */
  readonly warn: (message: string) => void;
  /** variables of the process, default process.env */
  readonly variables?: Readonly<Record<string, string | undefined>>;
}

export interface Service {
  readonly url: string | undefined;
  readonly socket: string | undefined;
  /** the audit trail's file */
  readonly trail: string;
  /** Finishes what is being answered, closes the trail, forgets every value. */
  close(): Promise<void>;
}

/**
 * Composes the broker of an app: policy, audit trail, authentication, HTTP. The app stays open when it ends.
 * @throws FlowError invalid where policy or registry have problems (told before) or there is no key for the trail;
 * refused where another broker has the trail; and as {@link startServer}
 */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { app, log, warn, variables = process.env } = options;
  const environment = app.environment();
  const { host, port, socket, names, tls } = environment.server;
  const listen = options.listen ?? { host, port, socket };
  // before anything is asked of the vault
  tcpAddress(listen, tls !== undefined);
  const closing: (() => unknown)[] = [];
  const close = async () => {
    for (const each of closing.splice(0).toReversed()) await each();
  };
  try {
    let record: (event: OwnEvent) => void = () => undefined;
    const rules = watchPolicy(app.folder, {
      dir: app.folder.dir,
      load: () => openFolder(app.folder.dir, variables),
      onRules: ({ version }) => record({ action: 'policy.reload', outcome: 'allowed', what: [], detail: version }),
      onProblems(problems) {
        options.onProblems(problems);
        const detail = `${problems.length} problems: the rules before stay in force`;
        record({ action: 'policy.reload', outcome: 'failed', what: [], detail });
      },
    });
    closing.push(rules.close);
    if (rules.problems().length > 0) {
      throw new FlowError('invalid', 'policy.yaml or registry.yaml has problems', { hint: 'run `flows check`' });
    }
    const connections = await app.connections();
    const key = await auditKey(app);
    const file = brokerTrail(environment, stateFolder(variables), key);
    const declared = environment.audit.anchor;
    const anchor = options.anchor ?? (declared === undefined ? anchorOnStderr : anchorInFile(declared));
    const trail = await openTrail({ file, key: () => Promise.resolve(key), anchor, warn });
    closing.push(trail.close);
    const write = (event: OwnEvent) => trail.record({ ...event, agent: `local:${localUser()}`, request: randomUUID() });
    // what cannot be written down refuses every request until it can: there is nobody else to tell
    record = (event) => void write(event).catch(() => warn('the audit trail cannot be written'));

    closing.push(app.onQuota((event) => record(quotaEvent(event))));
    const broker = createBroker({ app, rules, trail });
    closing.push(broker.close);
    const policy = () => rules.current().policy;
    const authenticator = createAuthenticator({
      policy: options.guest === undefined ? policy : withGuest(policy, options.guest),
      now: Date.now,
      development: environment.development,
    });
    await write({ action: 'start', outcome: 'allowed', what: [], detail: `policy ${rules.current().version}` });
    closing.push(() =>
      write({ action: 'stop', outcome: 'allowed', what: [], detail: undefined }).catch(() => undefined),
    );
    const server = await startServer({
      broker,
      authenticator,
      trail,
      listen,
      tls,
      names,
      log,
      ready: () => ({
        policy: hasRules(rules.current()),
        trail: trail.healthy(),
        vault: connections.quotas().every(({ circuit }) => circuit !== 'open'),
      }),
      readings: readingsOf({ broker, healthy: trail.healthy, problems: rules.problems, quotas: connections.quotas }),
    });
    closing.push(server.close);
    closing.push(announced(app, server));
    return { url: server.url, socket: server.socket, trail: file, close };
  } catch (error) {
    await close();
    throw error;
  }
}

type OwnEvent = Pick<AuditEvent, 'action' | 'outcome' | 'what' | 'detail'>;

function quotaEvent({ vault, state, code, retryAfter }: QuotaEvent): OwnEvent {
  const outcome = state === 'open' || state === 'exhausted' ? 'failed' : 'allowed';
  const why = code === undefined ? '' : `, ${code}`;
  const until = retryAfter === undefined ? '' : `, asked again in ${Math.ceil(retryAfter)} s`;
  return { action: 'vault.quota', outcome, what: [], detail: `${vault}: ${state}${why}${until}` };
}

function announced(app: App, { url, socket }: RunningServer): () => void {
  return announceBroker(app.folder.dir, { pid: process.pid, environment: app.environment().name, url, socket });
}

/** A trail that others rely on needs a key: without one, whoever can write the file can write it anew. */
async function auditKey(app: App): Promise<Uint8Array> {
  const { laptop, key, name } = app.environment();
  if (!laptop && key.length === 0) {
    throw new FlowError('invalid', `environment "${name}" has no key: for the audit trail`, {
      hint: 'add key: to it in service.yaml, a reference to a password of 32 characters',
    });
  }
  const [first] = await (await app.connections()).derivedKeys('audit');
  return first;
}

function hasRules({ version }: RulesInForce): boolean {
  return version !== 'none';
}
