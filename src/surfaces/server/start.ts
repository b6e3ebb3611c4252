import { pageAddress } from '../../broker/people/page-address.ts';
import { type OpenBroker, type OpenBrokerOptions, openBroker } from '../../broker/open-broker.ts';
import type { TellUpstreamFailure } from '../../broker/upstream-failures.ts';
import type { App } from '../../app/open-app.ts';
import { announceBroker, ownSocketFile, publishCertificate } from './announcement.ts';
import { packageVersion } from '../../foundation/package-files.ts';
import { readingsOf } from './broker-metrics.ts';
import { type ServeOptions, startServer } from './http-server.ts';
import { type ListenAddress, tcpAddress } from './listen-tcp.ts';
import type { Logger } from './log.ts';
import { type OwnCertificate, ownCertificate } from './own-certificate.ts';

export interface ServiceOptions extends OpenBrokerOptions {
  /** instead of what the environment's `server:` says */
  readonly listen?: ListenAddress | undefined;
  readonly log: Logger;
}

export interface Service {
  readonly url: string | undefined;
  /** the page for people; undefined: none is served */
  readonly page: string | undefined;
  readonly socket: string | undefined;
  /** the audit trail's file */
  readonly trail: string;
  /** Looks at the files of the folder at once. Never throws. */
  reload(): Promise<void>;
  /** Finishes what is being answered, closes the trail, forgets every value. */
  close(): Promise<void>;
}

/**
 * Opens the broker of an app and puts HTTP in front of it. The app stays open when it ends.
 * @throws FlowError as {@link openBroker} and {@link startServer}
 */
export async function serve(options: ServiceOptions): Promise<Service> {
  const { app, log } = options;
  const { name, server, laptop } = app.environment();
  const { page: setting = laptop } = server;
  const { host, port, names, tls } = server;
  const listen = options.listen ?? { host, port, socket: server.socket };
  // before anything is asked of the vault
  const tcp = tcpAddress(listen, tls !== undefined);
  const closing = new AsyncDisposableStack();
  const close = () => closing.disposeAsync();
  try {
    const onUpstreamFailure = options.onUpstreamFailure ?? logFailure(log);
    const opened = await openBroker({ ...options, onUpstreamFailure });
    closing.defer(opened.close);
    const { broker, trail, rules, ready, wrong } = opened;
    const overview = async () => {
      const { refusals, failures, requests } = await broker.stats();
      const policy = rules.current().version;
      return { environment: name, policy, checks: ready(), wrong: [...wrong()], refusals, failures, requests };
    };
    const { breakGlass } = opened.sights;
    const readings = readingsOf({
      broker,
      healthy: trail.healthy,
      problems: rules.problems,
      quotas: app.quotas,
      breakGlass,
    });
    const own = tcp === undefined || tls !== undefined ? undefined : await certificateOf(app, tcp.host);
    const page = pageOf(setting, opened, overview);
    const surface = {
      ...opened,
      agentRuns: broker.agentRuns,
      overview,
      listen,
      tls,
      own,
      ownSocket: own && (await ownSocketFile(app.folder.dir)),
      names: pageNames(names, setting),
      log,
      readings,
      page,
      mcp: server.mcp ? { version: packageVersion() } : undefined,
      vaultApi: server.vaultApi && {
        ...server.vaultApi,
        registry: () => rules.current().registry,
        version: packageVersion(),
      },
    };
    const { url, socket, ownSocket, close: stop } = await startServer(surface);
    closing.defer(stop);
    // whoever waits for a person is told to ask again, before the server waits for them
    closing.defer(opened.approvals.close);
    const certificate = own?.cert;
    const address = {
      pid: process.pid,
      environment: name,
      url,
      page: page?.at()?.origin,
      socket,
      guest: options.guest?.agent,
      certificate,
      ownSocket,
    };
    closing.defer(await announceBroker(app.folder.dir, address));
    if (certificate !== undefined) await publishCertificate(certificate);
    return { url, page: page?.at()?.origin, socket, trail: opened.trailFile, reload: rules.reload, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The same after each start, and nobody else's: its key is derived from the environment's. */
async function certificateOf(app: App, host: string): Promise<OwnCertificate> {
  const [seed] = await (await app.connections()).derivedKeys('broker');
  return ownCertificate(seed, host);
}

/** @param setting of service.yaml: a page at localhost, at an https origin, or none */
function pageOf(
  setting: boolean | string,
  opened: OpenBroker,
  overview: ServeOptions['overview'],
): ServeOptions['page'] {
  if (setting === false) return undefined;
  const { people, decisions, reveals, approvals, sights, broker, pageAt } = opened;
  let address = typeof setting === 'string' ? pageAddress(setting) : undefined;
  return {
    people,
    decisions,
    reveals,
    approvals,
    sights,
    overview,
    agentRuns: broker.agentRuns,
    runs: broker.runsSeen,
    at: () => address,
    local: address === undefined,
    listening(port) {
      address ??= pageAddress(`http://localhost:${port}`);
      pageAt(address);
    },
  };
}

/** The name of the page is a name of this server. */
function pageNames(names: readonly string[], setting: boolean | string): readonly string[] {
  if (typeof setting !== 'string') return names;
  const { hostname, port } = new URL(setting);
  return [...names, `${hostname}:${port === '' ? 443 : port}`];
}

function logFailure(log: Logger): TellUpstreamFailure {
  return ({ request, agent, what, code, line, repeated }) =>
    log.warn({ request, agent, what, code, line, repeated }, 'a service failed');
}
