import type { STSClient } from '@aws-sdk/client-sts';
import { requireCheckedCertificates } from '../../foundation/checked-certificates.ts';
import { requireSafeAddress, safeAddressHint } from '../../foundation/safe-address.ts';
import { byProxy, proxyHint } from '../../foundation/proxy.ts';
import { FlowError } from '../../foundation/errors.ts';
import { madeOnce } from '../../foundation/made-once.ts';
import { createCredentials, type CredentialOptions, type Provider, throughProxy } from './credentials.ts';
import { again, type AwsErrorTable, translateAwsError } from './errors.ts';
import { type Addressed, oneAddress, requireNoOther } from './one-address.ts';
import { partitionOf, regionPattern } from './partitions.ts';
import { createWebIdentity, type RoleRequest, type WebIdentity } from './web-identity.ts';

export interface ConnectionOptions extends CredentialOptions {
  /** its name in service.yaml */
  readonly name: string;
  /** twelve digits; verified by STS before anything else */
  readonly account?: string | undefined;
  /** instead of the default chain: a role that is taken with a token */
  readonly webIdentity?: WebIdentity | undefined;
  /** milliseconds for one call with its repetitions, default 30,000 */
  readonly deadline?: number | undefined;
}

/** A service of AWS, and how its part of the SDK is brought when it is first needed. */
export interface AwsService<Sdk, Client extends AwsClient> extends AwsErrorTable {
  /** the first label of its host */
  readonly host: string;
  /** what stands for it in service.yaml */
  readonly kind: 'store' | 'identity provider';
  load(): Promise<Sdk>;
  client(sdk: Sdk, configuration: AwsConfiguration): Client;
}

/** What the clients of the SDK have alike. */
interface AwsClient extends Addressed {
  readonly middlewareStack: { add(middleware: Guard, place: typeof lastStep): void };
  destroy(): void;
}
type Guard = <Args extends { readonly request: unknown }, Result>(
  next: (args: Args) => Result,
) => (args: Args) => Result;
type AwsConfiguration = ReturnType<typeof configurationOf>;

interface CallOptions {
  readonly abortSignal: AbortSignal;
}
type Call<Sdk, Client, T> = (client: Client, sdk: Sdk, options: CallOptions) => Promise<T>;

const signatures = ['sigv4'];
/** where the SDK is about to send what is signed already */
const lastStep = { step: 'deserialize', priority: 'low', name: 'guardAddress' } as const;

function configurationOf({ region, endpoint, profile, credentials, way }: ConnectionOptions, provider: Provider) {
  return {
    region,
    credentials: provider,
    maxAttempts: 5,
    retryMode: 'standard',
    // an attempt that hangs is repeated within the deadline of the call
    requestHandler: {
      connectionTimeout: 5_000,
      requestTimeout: 10_000,
      throwOnRequestTimeout: true,
      ...throughProxy(way),
    },
    // service.yaml decides where it goes: what the environment or a profile says besides is refused, see oneAddress
    ignoreConfiguredEndpointUrls: true,
    // the environment may ask for a way of signing whose code is not here
    authSchemePreference: signatures,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(profile === undefined ? {} : { profile }),
    ...(credentials === undefined ? {} : { useFipsEndpoint: false, useDualstackEndpoint: false }),
  } as const;
}

/** A client of the SDK and one of STS, made when first needed: who we are is settled before the first call. */
export function createConnection<Sdk, Client extends AwsClient>(
  service: AwsService<Sdk, Client>,
  options: ConnectionOptions,
) {
  const { name, region, account, endpoint } = options;
  const whose = `${service.kind} "${name}"`;
  let requests = 0;
  /** its refusals are of the configuration: nothing is asked */
  const connected = madeOnce(connect);
  const verified = madeOnce(async () => within(verifyAccount));

  const credentials =
    options.webIdentity === undefined ? createCredentials(options) : createWebIdentity(options.webIdentity, takeRole);
  /** as far as it is known before the SDK's own configuration is read */
  let address = endpoint ?? `https://${service.host}.${region}.${partitionOf(region).dnsSuffix}`;

  function configuration() {
    requireRegion(region);
    if (endpoint !== undefined) requireAddress(endpoint);
    return configurationOf(options, credentials);
  }

  function requireAddress(address: string): void {
    const found = requireSafeAddress(address, options.development);
    if (found !== undefined)
      throw new FlowError('refused', `the address of ${whose} ${found}`, { hint: safeAddressHint });
    if (address.startsWith('https:')) requireCheckedCertificates(`the address of ${whose}`);
  }

  /** Counts what really goes out, and stops what would go to an unsafe address, wherever it comes from. */
  const guard: Guard = (next) => (args) => {
    const { protocol, hostname } = args.request as { protocol: string; hostname: string };
    const host = hostname.includes(':') && !hostname.startsWith('[') ? `[${hostname}]` : hostname;
    requireAddress(`${protocol}//${host}`);
    requests += 1;
    return next(args);
  };

  async function connect() {
    const sdk = await service.load();
    const client = service.client(sdk, configuration());
    client.middlewareStack.add(guard, lastStep);
    const { origin } = await oneAddress(client, { whose, region, endpoint });
    if (endpoint === undefined) address = origin;
    // it is asked where account: is declared, and for a role
    if (account === undefined) await withSts((sts) => requireNoOther(sts, { whose, endpoint }));
    return { client, sdk };
  }

  async function withSts<T>(work: (sts: STSClient) => Promise<T>): Promise<T> {
    const { STSClient } = await import('@aws-sdk/client-sts');
    const sts = new STSClient(configuration());
    sts.middlewareStack.add(guard, lastStep);
    try {
      return await work(sts);
    } finally {
      sts.destroy();
    }
  }

  async function takeRole(request: RoleRequest) {
    const { AssumeRoleWithWebIdentityCommand } = await import('@aws-sdk/client-sts');
    return withSts(async (sts) => {
      await oneAddress(sts, { whose, region, endpoint });
      const abortSignal = AbortSignal.timeout(options.deadline ?? 30_000);
      return sts.send(new AssumeRoleWithWebIdentityCommand(request), { abortSignal });
    });
  }

  async function verifyAccount(abortSignal: AbortSignal): Promise<void> {
    const { GetCallerIdentityCommand } = await import('@aws-sdk/client-sts');
    const told = await withSts(async (sts) => {
      await oneAddress(sts, { whose, region, endpoint });
      return (await sts.send(new GetCallerIdentityCommand({}), { abortSignal })).Account ?? '';
    });
    if (told === account) return;
    const actual = /^\d{12}$/.test(told) ? told : 'another account';
    throw new FlowError(
      'refused',
      `the AWS credentials belong to ${actual}, and ${whose} declares account ${account}`,
      { hint: 'use the credentials of that account, or correct account: in service.yaml' },
    );
  }

  async function verify(): Promise<void> {
    await connected.get();
    if (account !== undefined) await verified.get();
  }

  /** Work with its deadline. @throws FlowError whatever goes wrong */
  async function within<T>(
    work: (signal: AbortSignal) => Promise<T>,
    subject?: string,
    signal?: AbortSignal,
  ): Promise<T> {
    const deadline = AbortSignal.timeout(options.deadline ?? 30_000);
    try {
      return await work(signal === undefined ? deadline : AbortSignal.any([signal, deadline]));
    } catch (cause) {
      const error = signal?.aborted === true ? stopped(cause) : deadline.aborted ? late(cause) : cause;
      throw withProxy(translateAwsError(error, service, subject));
    }
  }

  /** Where nothing answers, the proxy may be why. */
  function withProxy(error: FlowError): FlowError {
    const proxy = options.way?.proxyOf(address);
    if (proxy === undefined || (error.code !== 'unavailable' && error.code !== 'timeout')) return error;
    return error.with({ hint: `AWS is reached${byProxy(proxy)}: check ${proxyHint}` });
  }

  return {
    verify,
    /** where it is; what AWS's own configuration adds is known once it was verified */
    address: () => address,
    requests: () => requests,
    /** @param subject what it is about, for the error */
    async call<T>(work: Call<Sdk, Client, T>, subject?: string, signal?: AbortSignal): Promise<T> {
      await verify();
      return within(
        async (abortSignal) => {
          const { client, sdk } = await connected.get();
          return work(client, sdk, { abortSignal });
        },
        subject,
        signal,
      );
    },
    async close(): Promise<void> {
      (await connected.known())?.client.destroy();
      connected.forget();
    },
  };
}

function stopped(cause: unknown): FlowError {
  return new FlowError('aborted', 'stopped before AWS answered', { cause });
}

function late(cause: unknown): FlowError {
  return new FlowError('timeout', 'AWS did not answer in time', { hint: again, cause });
}

/** It becomes part of a host name. */
function requireRegion(region: string): void {
  if (regionPattern.test(region)) return;
  throw new FlowError('invalid', 'region is not the name of an AWS region', { hint: 'write it as in eu-west-1' });
}
