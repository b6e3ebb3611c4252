import { hash, randomBytes, randomUUID } from 'node:crypto';
import { basename, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { App } from '../app/open-app.ts';
import { openFolder } from '../app/open-folder.ts';
import { type Anchor, anchorInFile, anchorOnStderr } from '../audit/checkpoint-sink.ts';
import type { AuditEvent } from '../audit/contract.ts';
import { keyIdOf } from '../audit/hmac-chain.ts';
import { keyIdIn, trailsOf } from '../audit/find-trails.ts';
import { brokerTrail } from '../audit/trail-files.ts';
import { openTrail } from '../audit/trail.ts';
import { type WatchedTrail, watchTrail } from '../audit/watched-trail.ts';
import type { QuotaEvent } from '../adapters/vaults/quota.ts';
import { systemClock } from '../foundation/clocks.ts';
import { breakGlassIn } from '../folder/break-glass-accounts.ts';
import { scheduleAgent } from '../folder/policy/policy.ts';
import { changePasskeys, sweepLeftovers } from '../folder/policy/change-policy.ts';
import { asFlowError, FlowError } from '../foundation/errors.ts';
import { localAgent } from '../foundation/local-user.ts';
import { createLocks } from '../foundation/locks.ts';
import { sleepUntilAborted } from '../foundation/sleep.ts';
import { safeLine } from '../foundation/safe-line.ts';
import { stateFolder } from '../foundation/state-folder.ts';
import type { Problem } from '../language/problems.ts';
import { type Authenticator, createAuthenticator } from './authentication/authenticate.ts';
import { type CheckClaim, createClaimCheck } from './authentication/operator-token.ts';
import { type Guest, withGuest } from './authentication/guest-token.ts';
import type { Database } from '../durable/database/contract.ts';
import { auditRefusal } from './refusal.ts';
import type { Approvals } from './approvals/gate.ts';
import { createDecisions, type Decisions } from './people/decide.ts';
import type { PageAddress } from './people/page-address.ts';
import { createPeople, type People } from './people/people.ts';
import { createReveals, type Reveals } from './people/reveal.ts';
import { createSights, type Sights } from './people/sights.ts';
import { createPageClients } from './people/page-clients.ts';
import { createSignIns } from './people/sign-ins.ts';
import { createToldKeys } from './people/told-keys.ts';
import { keptInDatabase } from './kept/in-database.ts';
import { keptInMemory } from './kept/in-memory.ts';
import type { RunHooks, ScheduleHooks } from '../durable/runs/contract.ts';
import { createCauseNotes } from './cause-notes.ts';
import { createBroker, type RunningBroker } from './broker.ts';
import { createDurableDatabase } from './durable-database.ts';
import { createNotices, notToldEvent } from './notices.ts';
import {
  createUpstreamFailures,
  failureText,
  type TellUpstreamFailure,
  type UpstreamFailures,
} from './upstream-failures.ts';
import { type RulesInForce, type WatchedRules, watchPolicy } from './policy/rules-in-force.ts';

export interface OpenBrokerOptions {
  readonly app: App;
  /** instead of what the environment's `audit.anchor` says */
  readonly anchor?: Anchor | undefined;
  /** on the laptop: an agent's token and an approver's passkey that policy.yaml knows nothing of */
  readonly guest?: Guest | undefined;
  /** a file of the folder is wrong: what was in force before stays; also told at the start */
  readonly onProblems: (problems: readonly Problem[]) => void;
  /** one line for a person, never a value */
  readonly warn: (message: string) => void;
  /** what services failed with: the operator's truth; default a line by `warn` */
  readonly onUpstreamFailure?: TellUpstreamFailure | undefined;
  /** variables of the process, default process.env */
  readonly variables?: Readonly<Record<string, string | undefined>> | undefined;
}

/**
 * A broker that nobody can reach yet, and all that a surface needs to let agents in: HTTP, MCP and others stand beside
 * each other on one. A surface proves who asks with `authenticator`, asks `broker` in that agent's name, and records on
 * `trail` what it refuses by itself. It ends before the broker does.
 */
export interface OpenBroker {
  readonly broker: RunningBroker;
  readonly authenticator: Authenticator;
  /** whether the operator asks */
  readonly operators: CheckClaim;
  readonly trail: WatchedTrail;
  /** the trail's file */
  readonly trailFile: string;
  readonly rules: WatchedRules;
  /** the people who approve, and their decisions */
  readonly people: People;
  readonly decisions: Decisions;
  /** what of break-glass the page shows to people */
  readonly reveals: Reveals;
  readonly approvals: Approvals;
  /** what people look at besides */
  readonly sights: Sights;
  /** Tells where the page is, once it is served; without it nobody can approve anything. */
  readonly pageAt: (address: PageAddress) => void;
  /**
   * What outlives the broker: runs, and what waits for people. Opened when it is first asked for, and asked for only by
   * what needs it. @throws FlowError where it cannot be used; the next one who asks tries again
   */
  readonly database: () => Promise<Database>;
  /** tells the operator what services fail with */
  readonly failures: UpstreamFailures;
  /** what must hold for requests to be served, by name */
  readonly ready: () => Readonly<Record<'policy' | 'trail' | 'vault', boolean>>;
  /** where the folder's files are wrong, `file:line:column`: what they said before is served */
  readonly wrong: () => readonly string[];
  /** Writes down that it stops, closes the trail, forgets every value. The app stays open. */
  close(): Promise<void>;
}

/**
 * Opens the broker of an app, without any surface: the rules in force, the audit trail under a key from the vault, who
 * agents are, and what they may ask for.
 * @throws FlowError invalid where policy or registry have problems (told before) or there is no key for the trail;
 * refused where another broker has the trail; what the vault answers where the key is there
 * @example
 * const { broker, authenticator, close } = await openBroker({ app, onProblems: console.error, warn: console.error });
 * const proven = await authenticator.authenticate(`Bearer ${token}`);
 * if (proven === undefined) throw new Error('not authenticated');
 * const caller = { ...proven, request: randomUUID(), address: 'stdio' };
 * const { access_token } = await broker.token(caller, 'orders-token', {});
 * await close();
 */
export async function openBroker(options: OpenBrokerOptions): Promise<OpenBroker> {
  const { app, warn, variables = process.env } = options;
  const environment = app.environment();
  const closing = new AsyncDisposableStack();
  const close = () => closing.disposeAsync();
  try {
    let record: (event: OwnEvent) => void = () => undefined;
    let forget = (): void => undefined;
    let rulesChanged = (): void => undefined;
    let anybody = false;
    const rules = watchPolicy(app.folder, {
      dir: app.folder.dir,
      onFolder(folder) {
        const before = app.environment();
        if (app.use(folder)) forget();
        for (const key of needingStart) {
          if (!isDeepStrictEqual(before[key], app.environment()[key]))
            warn(`service.yaml: "${key}" has changed, which takes effect at the next start`);
        }
        const detail = `${folder.flows.size} flows`;
        record({ action: 'policy.reload', outcome: 'allowed', what: [], detail });
        rulesChanged();
      },
      load: (read) => openFolder(app.folder.dir, variables, undefined, read),
      onRules({ version, policy: { agents } }) {
        // as whoever replaces the file by deleting it first
        if (anybody && agents.size === 0) warn('policy.yaml names no agent any more, or is gone: nobody is let in');
        anybody = agents.size > 0;
        record({ action: 'policy.reload', outcome: 'allowed', what: [], detail: version });
        rulesChanged();
      },
      onProblems(problems) {
        options.onProblems(problems);
        const detail = `${problems.length} problems: the rules before stay in force`;
        record({ action: 'policy.reload', outcome: 'failed', what: [], detail });
      },
    });
    closing.defer(rules.close);
    // a flow whose file is wrong keeps nobody from the others
    if (!hasRules(rules.current())) {
      throw new FlowError('invalid', 'policy.yaml or registry.yaml has problems', { hint: 'run `flows check`' });
    }
    if (app.folder.problems.some(({ file }) => basename(file) === 'service.yaml'))
      throw new FlowError('invalid', 'service.yaml has problems', { hint: 'run `flows check`' });
    await sweepLeftovers(join(app.folder.dir, 'policy.yaml'));
    const connections = await app.connections();
    const key = await auditKey(app);
    const trailFile = brokerTrail(environment, stateFolder(variables), key);
    const declared = environment.audit.anchor;
    const anchor = options.anchor ?? (declared === undefined ? anchorOnStderr : anchorInFile(declared));
    const { flush } = environment.audit;
    const trail = watchTrail(
      await openTrail({ file: trailFile, key: () => Promise.resolve(key), anchor, flush, warn }),
    );
    closing.defer(trail.close);
    const database = createDurableDatabase(app, key, stateFolder(variables), (opened) => notices.begin(opened));
    closing.defer(database.close);
    const { now } = systemClock;
    // a link counts once over a restart too; what else people and the operator show is shared where others share the runs
    const durable = keptInDatabase(database.open, now);
    const isShared = environment.runs.database !== undefined;
    const kept = isShared ? durable : keptInMemory(systemClock);
    const operatorKeys = await connections.derivedKeys('operator');
    const operators = createClaimCheck({ keys: operatorKeys, kept, now });
    const links = createClaimCheck({ keys: operatorKeys, kept: durable, now });
    // by a key of its own nothing that was asked before a restart is taken after it
    const challenges = { keys: isShared ? await connections.derivedKeys('page') : [randomBytes(32)], kept, now };
    const write = (event: OwnEvent) => trail.record({ ...event, agent: localAgent(), request: randomUUID() });
    // what cannot be written down refuses every request until it can: there is nobody else to tell
    record = (event) => void write(event).catch(() => warn('the audit trail cannot be written'));

    closing.defer(app.onQuota((event) => record(quotaEvent(event))));
    const tell = options.onUpstreamFailure ?? ((failure) => warn(failureText(failure)));
    const notes = createCauseNotes(trailFile, warn);
    closing.defer(notes.close);
    const failures = createUpstreamFailures(tell, systemClock, notes.note);
    closing.defer(app.onRenewalFailed((error) => failures.told({ what: [error.place.flow ?? ''] }, error)));
    const notices = createNotices({ app, clock: systemClock, record: (event) => trail.record(event), failures });
    closing.defer(notices.close);
    closing.defer(app.onNotTold((failure) => trail.record(notToldEvent(failure))));
    const tokens = async () => {
      const { createRunTokens } = await import('./agent-runs/run-token.ts');
      return createRunTokens(await connections.derivedKeys('agent-run'), Date.now);
    };
    const agentRuns = { database: database.open, tokens };
    const openRuns = async (hooks: RunHooks, schedules: ScheduleHooks) => {
      const [opened, { openRuns: open }] = await Promise.all([database.open(), import('../durable/runs/open-runs.ts')]);
      return open({ database: opened, app, hooks, schedules, warn });
    };
    const [installationKey] = await connections.derivedKeys('installation');
    let page: PageAddress | undefined;
    const installation = hash('sha256', installationKey, 'hex').slice(0, 32);
    const broker = createBroker({
      app,
      rules,
      trail,
      agentRuns,
      failures,
      openRuns,
      warn,
      approvals: { database: database.open, installation, address: () => page?.origin },
    });
    const { approvals } = broker;
    if (approvals === undefined) throw new FlowError('internal', 'a broker without approvals');
    forget = broker.forget;
    closing.defer(broker.close);
    const written = () => rules.current().policy;
    const policy = options.guest === undefined ? written : withGuest(written, options.guest);
    const asking = { policy, now: Date.now, development: environment.development, fetch: connections.way.fetch };
    const authenticator = createAuthenticator({ agentRuns: broker.agentRuns, ...asking });
    const clients = createPageClients({
      clients: () => app.environment().pageClients,
      keptFor: () => app.environment().cache.defaultTtl,
      read: app.read,
      clock: systemClock,
      warn,
    });
    const signIns = createSignIns({ ...asking, page: () => page, clients });
    const recordAnyone = (event: AuditEvent) =>
      trail.record(event).catch((cause: unknown) => Promise.reject(auditRefusal(cause)));
    const files = { dir: app.folder.dir, load: () => openFolder(app.folder.dir, variables) };
    const never = new AbortController().signal;
    const locked = createLocks({ folder: stateFolder(variables), sleep: sleepUntilAborted(never), signal: never });
    const people = createPeople({
      policy,
      links,
      challenges,
      page: () => page,
      record: recordAnyone,
      clock: systemClock,
      async keep(name, passkey) {
        await changePasskeys({ ...files, locked }, name, ({ approvers }) => [
          ...(approvers?.get(name)?.passkeys ?? []),
          passkey,
        ]);
      },
      signIns,
    });
    const stating = { signIns, page: () => page, challenges, record: recordAnyone };
    const decisions = createDecisions({ ...stating, approvals, people });
    const reveals = createReveals({
      ...stating,
      app,
      policy,
      installation,
      counts: async (passkey) => (await approvals.ledger()).counts(passkey),
      clock: systemClock,
    });
    // each stack of the laptop has a key of its own, and so trails of its own
    const ofThisKey = (file: string) => !environment.laptop || keyIdIn(file) === keyIdOf(key);
    const sights = createSights({
      rules: () => ({ ...rules.current(), policy: policy() }),
      trails: () => [...new Set([trailFile, ...trailsOf(environment, stateFolder(variables)).filter(ofThisKey)])],
      flows: () => breakGlassIn(app.folder, app.environment()).flows,
      quotas: () => app.quotas(),
      trail,
      clock: systemClock,
    });
    await write({ action: 'start', outcome: 'allowed', what: [], detail: `policy ${rules.current().version}` });
    closing.defer(() =>
      write({ action: 'stop', outcome: 'allowed', what: [], detail: undefined }).catch(() => undefined),
    );
    // a guest's stack is as new as the broker: nothing was left in the middle, and runs cost their opening when one begins
    if (options.guest === undefined || policy().agents.has(scheduleAgent)) broker.goOnWithRuns();
    const lookAtKeys = createToldKeys({
      database: database.open,
      policy: written,
      environment: app.environment,
      url: () => page && `${page.origin}/#/policy`,
      record: write,
      now: Date.now,
    });
    // opens the database too: people may not have been told yet of what was waiting when the one before ended
    let looking = Promise.resolve();
    const tellOfKeys = (): void => {
      looking = looking
        .then(lookAtKeys)
        .catch((error: unknown) => failures.told({ what: ['notify'] }, asFlowError(error)));
    };
    tellOfKeys();
    closing.defer(() => looking);
    rulesChanged = () => {
      broker.goOnWithRuns();
      tellOfKeys();
    };
    const ready = () => ({
      policy: hasRules(rules.current()),
      trail: trail.healthy(),
      vault: app.quotas().every(({ circuit }) => circuit !== 'open'),
    });
    const wrong = () =>
      rules.problems().map(({ file, line, column }) => `${safeLine(basename(file))}:${line}:${column}`);
    return {
      broker,
      authenticator,
      operators,
      trail,
      trailFile,
      rules,
      database: database.open,
      people,
      decisions,
      reveals,
      approvals,
      sights,
      pageAt(address) {
        page = address;
      },
      failures,
      ready,
      wrong,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** what of an environment is looked at when the broker starts, and never again */
const needingStart = ['key', 'server', 'audit', 'cache', 'runs'] as const;

type OwnEvent = Pick<AuditEvent, 'action' | 'outcome' | 'what' | 'detail'>;

function quotaEvent({ vault, state, code, retryAfter }: QuotaEvent): OwnEvent {
  const outcome = state === 'open' || state === 'exhausted' ? 'failed' : 'allowed';
  const why = code === undefined ? '' : `, ${code}`;
  const until = retryAfter === undefined ? '' : `, asked again in ${Math.ceil(retryAfter)} s`;
  return { action: 'vault.quota', outcome, what: [], detail: `${vault}: ${state}${why}${until}` };
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
