/**
 * What `hook:` of policy.yaml says of the tools of agents, besides what is refused anyway: `.env` and its like, the CLIs of
 * vaults, `printenv`.
 */
export interface HookRules {
  /** files that are not read, as globs: of a name, or of the end of a path where they have a `/` */
  readonly files: readonly string[];
  /** commands that are not run, by their words */
  readonly commands: readonly string[];
  /** files and commands that are let through all the same, in the same forms */
  readonly allow: readonly string[];
}

export const noHookRules: HookRules = { files: [], commands: [], allow: [] };
