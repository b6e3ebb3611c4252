import type { LaptopStack } from '../adapters/laptop-stack.ts';
import { randomBytes } from 'node:crypto';
import { loadBrokerFiles } from '../folder/policy-and-registry.ts';
import { type DevelopmentFile, loadDevelopmentFile } from '../folder/development/read-development.ts';
import { FlowError } from '../foundation/errors.ts';
import type { Folder } from '../folder/load-folder.ts';
import { localAgent } from '../foundation/local-user.ts';
import { Secret } from '../foundation/secret.ts';
import { announce, findStack } from '../app/laptop-stack-file.ts';
import { fill, type Filling } from './fill-from-folder.ts';
import { refill, type Refilled } from './refill.ts';
import type { Environment } from '../folder/service/settings.ts';
import { type DevelopmentIdentityProvider, startIdentityProvider } from './identity-provider/server.ts';
import { type OrdersApi, startOrdersApi } from './orders-api.ts';
import { type DevelopmentSecretsManager, startSecretsManager } from './secrets-manager/server.ts';
import { type DevelopmentVault, startVault } from './vault/server.ts';

/** The laptop stack of a folder, running. */
export interface RunningStack {
  readonly addresses: LaptopStack;
  readonly vault: DevelopmentVault;
  readonly identityProvider: DevelopmentIdentityProvider;
  readonly secretsManager: DevelopmentSecretsManager;
  readonly ordersApi: OrdersApi;
  /** Brings the vault what the changed folder names by now. @throws FlowError where development.yaml is broken */
  refill(folder: Folder): Refilled;
  /** Stops all of it; other terminals no longer find it. */
  close(): Promise<void>;
}

const signInClient = 'flows-sign-in';

/**
 * Starts vault, identity provider, Secrets Manager and Orders API on loopback, on free ports, filled from the folder's
 * flows, and tells other terminals of this user where they are. @throws FlowError conflict where one runs already
 */
export async function startStack(folder: Folder): Promise<RunningStack> {
  laptopOf(folder);
  const running = await findStack(folder.dir).catch(() => undefined);
  if (running !== undefined) {
    throw new FlowError('conflict', `the development stack of ${folder.dir} runs already, as process ${running.pid}`, {
      hint: 'use it, or stop it with Ctrl-C in its terminal',
    });
  }
  const { ordersApi: orders, attribution, ...first } = filled(folder);
  const { vaults, clients, users } = first;
  const scimToken = new Secret(randomBytes(32).toString('base64url'));
  const proof = { clientId: 'flows-proof', clientSecret: new Secret(randomBytes(32).toString('base64url')) };
  const started: { close(): Promise<void> }[] = [];
  const start = async <T extends { close(): Promise<void> }>(server: Promise<T>): Promise<T> => {
    const ready = await server;
    started.push(ready);
    return ready;
  };
  try {
    const vault = await start(startVault({ vaults }));
    const identityProvider = await start(
      startIdentityProvider({
        clients: ({ issuer }) => [...clients, { clientId: signInClient, redirectUris: [callback(issuer)] }],
        users,
        scimToken,
        proof,
        agentClaim: attribution && { ...attribution, agents: agentsOf(folder) },
      }),
    );
    const secretsManager = await start(startSecretsManager());
    const { audience, scope } = orders;
    const ordersApi = await start(
      startOrdersApi({
        issuer: identityProvider.issuer,
        audience,
        requiredScope: scope,
        agentClaim: attribution?.claim,
      }),
    );
    const addresses: LaptopStack = {
      pid: process.pid,
      dir: folder.dir,
      vault: { address: vault.address, token: vault.token(), connectToken: vault.connectToken() },
      issuer: identityProvider.issuer,
      attribution,
      scim: { url: identityProvider.scimUrl, token: scimToken },
      doubles: Object.fromEntries(
        Object.entries(identityProvider.doubles).map(([type, url]) => [type, { url, token: scimToken, proof }]),
      ),
      signIn: { clientId: signInClient, redirectUri: callback(identityProvider.issuer) },
      secretsManager: {
        endpoint: secretsManager.address,
        region: secretsManager.region,
        account: secretsManager.account,
        ...secretsManager.credentials,
      },
      ordersApi: ordersApi.url,
    };
    const silence = await announce(addresses);
    let last: Filling = first;
    return {
      addresses,
      vault,
      identityProvider,
      secretsManager,
      ordersApi,
      refill(changed) {
        const next = filled(changed, last);
        const brought = refill(vault, last, next);
        last = next;
        return brought;
      },
      async close() {
        silence();
        await Promise.all(started.map((server) => server.close()));
      },
    };
  } catch (error) {
    await Promise.all(started.map((server) => server.close()));
    throw error;
  }
}

/** @throws FlowError invalid where development.yaml is broken */
function filled(folder: Folder, before?: Filling): Filling & Pick<DevelopmentFile, 'ordersApi' | 'attribution'> {
  const environment = laptopOf(folder);
  const broker = loadBrokerFiles(folder);
  const file = loadDevelopmentFile(folder, broker);
  const [problem] = file.problems;
  if (problem !== undefined) {
    const { file: path, line, column, message } = problem;
    const place = { location: `${path}:${line}:${column}` };
    throw new FlowError('invalid', message, { hint: 'flows check tells of all that is wrong', place });
  }
  const { ordersApi, attribution } = file;
  return { ...fill(folder, broker.registry, environment, file, before), ordersApi, attribution };
}

/** @throws FlowError refused where service.yaml gives it addresses of its own */
function laptopOf(folder: Folder): Environment {
  const environment = folder.settings.environments.get('development');
  if (environment?.laptop === true) return environment;
  throw new FlowError('refused', 'the environment "development" of service.yaml has addresses of its own', {
    hint: 'leave vault, issuers, identity-providers and stores out of it, and they come from here',
  });
}

/** Every client is every agent's: those of policy.yaml as it is now, and this user's commands. */
function agentsOf(folder: Folder): () => readonly string[] {
  return () => [...loadBrokerFiles(folder).policy.agents.keys(), localAgent()];
}

/** Never fetched: a sign-in ends where the provider would send the browser there. */
function callback(issuer: string): string {
  return new URL('/flows/callback', issuer).href;
}
