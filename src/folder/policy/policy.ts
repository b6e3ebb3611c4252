import type { Rate } from '../../language/rate.ts';

/** policy.yaml as rules: who may ask for what. The file is read by file.ts, the question answered by decide.ts. */
export interface Policy {
  readonly agents: ReadonlyMap<string, AgentPolicy>;
  /** what this one must allow as well: rights that are new are held for a while */
  readonly within?: Policy;
}

export interface AgentPolicy {
  readonly name: string;
  /** bearer tokens that prove it: at most two live at once */
  readonly tokens: readonly AgentToken[];
  /** workload identities that prove it */
  readonly trust: readonly Trust[];
  /** logical names of the registry */
  readonly allow: readonly Pattern[];
  /** flows; a wildcard matches pure flows only, and none for break-glass */
  readonly flows: readonly Pattern[];
  /** names of either kind; wins over everything */
  readonly deny: readonly Pattern[];
  /** seconds */
  readonly maxTtl: number | undefined;
  readonly rate: Rate | undefined;
  /** every request of it must state a reason */
  readonly requireReason: boolean;
}

/** `openai.api_key`, `github.*` (within a dotted part), `github.**` (across parts). */
export interface Pattern {
  readonly text: string;
  /** where it stands, for explanations: `policy.yaml:7:13` */
  readonly location: string;
}

export interface AgentToken {
  /** lower-case hex */
  readonly sha256: string;
  /** epoch milliseconds; undefined: nobody wrote it down */
  readonly issued?: number | undefined;
  /** epoch milliseconds; undefined: does not expire */
  readonly expires: number | undefined;
}

/** An OIDC issuer whose tokens prove the agent, where audience and claims fit. */
export interface Trust {
  readonly issuer: string;
  /** which discovery document names its keys: `oidc`, `oauth2`, or the address of one; default whichever it has */
  readonly discovery?: string | undefined;
  /** where its keys are, instead of what a document says */
  readonly jwksUri?: string | undefined;
  /** absolute path of a file with its keys, instead of an address */
  readonly keysFile?: string | undefined;
  /** `iss` of its tokens; default the issuer */
  readonly tokenIssuers?: readonly string[] | undefined;
  readonly audience: string;
  /** exact values or globs (`*`), by claim */
  readonly claims: Readonly<Record<string, string>>;
}

export type Question =
  | { readonly kind: 'secret'; readonly agent: string; readonly name: string; readonly reason?: string | undefined }
  | {
      readonly kind: 'flow';
      readonly agent: string;
      readonly name: string;
      readonly effect: 'none' | 'write';
      /** marked `break-glass: true` */
      readonly breakGlass?: boolean | undefined;
      readonly reason?: string | undefined;
    };

export interface Decision {
  readonly allowed: boolean;
  /** the rule that decided, for the audit trail and explanations: `policy.yaml:7:13 allow github.*`, `default: deny` */
  readonly rule: string;
  /** it would be allowed with a reason */
  readonly reasonWanted?: boolean;
}
