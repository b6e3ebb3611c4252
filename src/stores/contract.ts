/** A place that runtimes read their secrets from, filled one way. Values are never read back. */
export interface SecretStore {
  /** where it is, for plans and prompts */
  readonly address: string;
  /** Who we are there; `account:` of service.yaml is verified here, before anything else. */
  identity(): Promise<{ readonly account: string | undefined; readonly region: string }>;
}
