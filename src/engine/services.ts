import type { FlowError } from '../foundation/errors.ts';
import type { Secret } from '../foundation/secret.ts';
import type { Environment, Plain } from '../folder/service/settings.ts';
import type { ConnectionKind } from '../language/forms.ts';
import type { PreparedSteps } from './prepared-inputs.ts';
import type { StepContext } from '../steps/contract.ts';

export interface MadeForRun {
  /** of the cache */
  readonly key: string;
  /** epoch seconds */
  readonly expiresAt: number | undefined;
  takeBack(): Promise<void>;
}

/** What the composition root hands to a plan or a run. */
export interface Services {
  readonly environment: Environment;
  /** in whose name the flow runs, as {@link StepContext.agent} */
  readonly agent: string;
  /** the proven agent run that asks */
  readonly agentRun?: string | undefined;
  /** what was made for one agent run alone: taken back when that ends */
  readonly untilEndOf?: (agentRun: string, made: MadeForRun) => void;
  /** the adapter, built when it is first asked for. @throws FlowError */
  connection(kind: ConnectionKind, name: string): unknown;
  /** what `${{ issuers.main.url }}` may name. @throws FlowError */
  plain(kind: ConnectionKind, name: string): Readonly<Record<string, Plain>>;
  /** kept for all runs in this environment; absent: each run prepares its steps afresh */
  readonly prepared?: PreparedSteps;
  /** what a step may use beside what its execution alone knows */
  context(flow: string, step: string): Omit<StepContext, 'idempotencyKey' | 'renewed'>;
  /** A service refused a token: it is forgotten, unless the one before it was just now. */
  rejected(token: Secret): void;
  /**
   * @param expiresAt epoch seconds; undefined: not to be kept
   * @param unnoticed is told the failure of a mint whose callers are given the old value
   */
  cached<T>(
    key: string,
    mint: () => Promise<T>,
    expiresAt: (value: T) => number | undefined,
    unnoticed?: (error: unknown) => void,
  ): Promise<T>;
  /** a value was to be renewed while the old one serves, and could not be: told with flow and step */
  readonly renewalFailed?: (error: FlowError) => void;
}
