import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { requireSafeAddress, safeAddressHint } from '../../address.ts';
import { FlowError } from '../../errors.ts';
import type { Secret } from '../../secret.ts';
import { translateAwsError } from './errors.ts';

interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: Secret;
  readonly sessionToken?: Secret | undefined;
}

export interface ConnectionOptions {
  /** its name in service.yaml */
  readonly name: string;
  readonly region: string;
  /** twelve digits; verified by STS before anything else */
  readonly account?: string | undefined;
  /** default: AWS's own for the region */
  readonly endpoint?: string | undefined;
  /** of the shared configuration files; default: the SDK's default chain */
  readonly profile?: string | undefined;
  readonly credentials?: AwsCredentials | undefined;
  readonly development: boolean;
  /** milliseconds for one call with its repetitions, default 30,000 */
  readonly deadline?: number | undefined;
}

type Sdk = typeof import('@aws-sdk/client-secrets-manager');
interface CallOptions {
  readonly abortSignal: AbortSignal;
}
type Call<T> = (client: SecretsManagerClient, sdk: Sdk, options: CallOptions) => Promise<T>;

/** The SDK's clients, made when first needed: who we are is settled before the first call. */
export function createConnection(options: ConnectionOptions) {
  let requests = 0;
  let verified: Promise<void> | undefined;
  let client: Promise<{ client: SecretsManagerClient; sdk: Sdk }> | undefined;

  async function configuration() {
    requireRegion(options.region);
    if (options.endpoint !== undefined) requireAddress(options.endpoint);
    const credentials = await credentialsOf(options);
    return {
      region: options.region,
      maxAttempts: 5,
      retryMode: 'standard',
      // an attempt that hangs is repeated within the deadline of the call
      requestHandler: { connectionTimeout: 5_000, requestTimeout: 10_000, throwOnRequestTimeout: true },
      ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
      ...(options.profile === undefined ? {} : { profile: options.profile }),
      ...(credentials === undefined ? {} : { credentials }),
    } as const;
  }

  /** Counts what really goes out, and stops what would go to an unsafe address: the SDK takes endpoints from the environment too. */
  function guard(request: unknown): void {
    const { protocol, hostname } = request as { protocol: string; hostname: string };
    requireAddress(`${protocol}//${hostname.includes(':') && !hostname.startsWith('[') ? `[${hostname}]` : hostname}`);
    requests += 1;
  }

  function requireAddress(address: string): void {
    const found = requireSafeAddress(address, options.development);
    if (found === undefined) return;
    throw new FlowError('refused', `the address of store "${options.name}" ${found}`, { hint: safeAddressHint });
  }

  async function connect() {
    const sdk = await import('@aws-sdk/client-secrets-manager');
    const client = new sdk.SecretsManagerClient(await configuration());
    client.middlewareStack.add(
      (next) => (args) => {
        guard(args.request);
        return next(args);
      },
      { step: 'deserialize', priority: 'low', name: 'guardAddress' },
    );
    return { client, sdk };
  }

  async function verifyAccount(account: string): Promise<void> {
    const { STSClient, GetCallerIdentityCommand } = await import('@aws-sdk/client-sts');
    const sts = new STSClient(await configuration());
    sts.middlewareStack.add(
      (next) => (args) => {
        guard(args.request);
        return next(args);
      },
      { step: 'deserialize', priority: 'low', name: 'guardAddress' },
    );
    try {
      const answer = await within(undefined, (abortSignal) =>
        sts.send(new GetCallerIdentityCommand({}), { abortSignal }),
      );
      if (answer.Account === account) return;
      const actual = /^\d{12}$/.test(answer.Account ?? '') ? answer.Account : 'another account';
      throw new FlowError(
        'refused',
        `the AWS credentials belong to ${actual}, and store "${options.name}" declares account ${account}`,
        {
          hint: 'use the credentials of that account, or correct account: in service.yaml',
        },
      );
    } finally {
      sts.destroy();
    }
  }

  async function verify(): Promise<void> {
    if (options.account === undefined) return;
    verified ??= verifyAccount(options.account);
    try {
      await verified;
    } catch (error) {
      verified = undefined; // the next call asks again
      throw translateAwsError(error);
    }
  }

  async function within<T>(signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const deadline = AbortSignal.timeout(options.deadline ?? 30_000);
    try {
      return await work(signal === undefined ? deadline : AbortSignal.any([signal, deadline]));
    } catch (error) {
      if (signal?.aborted === true) throw new FlowError('aborted', 'stopped before AWS answered', { cause: error });
      if (deadline.aborted) {
        throw new FlowError('timeout', 'AWS did not answer in time', {
          hint: 'run again: what was pushed stays pushed',
          cause: error,
        });
      }
      throw error;
    }
  }

  return {
    verify,
    requests: () => requests,
    /** @param subject the secret, for the error */
    async call<T>(work: Call<T>, subject?: string, signal?: AbortSignal): Promise<T> {
      await verify();
      try {
        client ??= connect();
        const connected = await client;
        return await within(signal, (abortSignal) => work(connected.client, connected.sdk, { abortSignal }));
      } catch (error) {
        throw translateAwsError(error, subject);
      }
    },
    async close(): Promise<void> {
      (await client?.catch(() => undefined))?.client.destroy();
      client = undefined;
    },
  };
}

async function credentialsOf(options: ConnectionOptions) {
  const { credentials, profile, region } = options;
  if (credentials !== undefined) {
    return {
      accessKeyId: credentials.accessKeyId,
      secretAccessKey: credentials.secretAccessKey.reveal(),
      ...(credentials.sessionToken === undefined ? {} : { sessionToken: credentials.sessionToken.reveal() }),
    };
  }
  if (profile === undefined) return undefined;
  const { fromIni } = await import('@aws-sdk/credential-providers');
  return fromIni({ profile, clientConfig: { region } });
}

/** It becomes part of a host name. */
function requireRegion(region: string): void {
  if (/^[a-z]{2}(?:-[a-z]+)+-\d{1,2}$/.test(region)) return;
  throw new FlowError('invalid', 'region is not the name of an AWS region', { hint: 'write it as in eu-west-1' });
}
