import type { AuditEvent } from '../../audit/contract.ts';
import type { AgentRuns } from '../../broker/agent-runs/agent-runs.ts';
import type { Broker, Caller } from '../../broker/contract.ts';
import type { Registry } from '../../folder/registry.ts';
import type { BrokerClock } from '../../foundation/clocks.ts';
import type { Secret } from '../../foundation/secret.ts';

export type Json = Readonly<Record<string, unknown>>;

/** What a client wants of a path, whichever method or query says so. */
export type Operation = 'read' | 'list' | 'write' | 'delete';

/** A request of a Vault client, whose sender may be anyone. */
export interface VaultRequest {
  readonly operation: Operation;
  /** after `/v1/`, decoded, without a slash at its end */
  readonly path: string;
  readonly query: URLSearchParams;
  /** seconds for which the answer is to be kept for another, who is given it once */
  readonly wrap?: number | undefined;
  /** JSON, whatever its media type is said to be; `{}` where there is none */
  body(): Promise<Json>;
}

/** One whose sender is proven. */
export interface ProvenRequest extends VaultRequest {
  readonly caller: Caller;
  /** by which it is */
  readonly token: Secret;
}

export interface VaultReply {
  /** HTTP's */
  readonly status: number;
  /** absent: 204 has none */
  readonly body?: Json;
  /** what may be kept for another: until when, in epoch milliseconds, and which names it is made of; absent: it may not */
  readonly kept?: { readonly ends: number; readonly names: readonly string[] };
}

/** A part of the paths, as Vault mounts what gives secrets. */
export interface Mount {
  readonly type: 'kv' | 'op' | 'totp';
  readonly description: string;
  /** by which clients of KV choose their requests */
  readonly version?: '1' | '2';
  /** @param rest of the path, below the mount @throws BrokerRefusal, VaultRefusal */
  answer(rest: string, request: ProvenRequest): Promise<VaultReply>;
}

/** A workload identity, and the agent that it is to prove. */
export interface Login {
  readonly jwt: string;
  /** `role`; undefined: whichever agent it proves */
  readonly agent: string | undefined;
}

export interface VaultApiOptions {
  readonly broker: Pick<Broker, 'secrets' | 'cachedSecrets' | 'secretNames' | 'access' | 'run' | 'items'>;
  readonly agentRuns: AgentRuns | undefined;
  /** in force, asked for anew with every request */
  readonly registry: () => Registry;
  /** what must hold for anything to be given, by name */
  readonly ready: () => Readonly<Record<string, boolean>>;
  /** of this package */
  readonly version: string;
  readonly clock: BrokerClock;
  /** Resolves when it is on disk. @throws BrokerRefusal audit-unavailable */
  readonly record: (event: AuditEvent) => Promise<void>;
}

/** Who brings the token of a wrapped answer: nobody need be proven, for it is good once. */
export type Bringer = Pick<AuditEvent, 'agent' | 'request' | 'address' | 'agentRun'>;

/** Vault's HTTP API as far as clients need it that read secrets, on a broker; without HTTP, and without who asks. */
export interface VaultApi {
  /** What everyone is told; undefined: it is for those who prove who they are. @throws VaultRefusal */
  open(request: VaultRequest): VaultReply | undefined;
  /** What a login is proven by; undefined: the request is none. @throws VaultRefusal */
  login(request: VaultRequest): Promise<Login | undefined>;
  /** A token for whom a login proved. @throws BrokerRefusal */
  begin(caller: Caller): Promise<VaultReply>;
  /** @throws BrokerRefusal, VaultRefusal */
  answer(request: ProvenRequest): Promise<VaultReply>;
  /**
   * What was wrapped, for whoever brings its token as the one that proves a request; undefined: it is no such request.
   * @throws BrokerRefusal, VaultRefusal
   */
  unwrap(request: VaultRequest, token: string | undefined, by: Bringer): Promise<VaultReply> | undefined;
}
