interface Place {
  readonly mount: string;
  readonly namespace?: string | undefined;
  readonly 'jwt-role'?: string | undefined;
  readonly 'jwt-mount': string;
}

/** The least policy for what flows push: it can write at these paths and never read a value back. */
export function vaultPolicy(store: string, place: Place, names: readonly (string | undefined)[]): string {
  const { mount, namespace, 'jwt-role': role, 'jwt-mount': auth } = place;
  const policy = `flows-${store}`;
  const flag = namespace === undefined ? '' : `-namespace=${namespace} `;
  const paths = [...new Set(names.map((name) => name ?? '*'))].toSorted();
  const rules = paths.flatMap((path) => [
    rule(`${mount}/metadata/${path}`, ['create', 'read', 'update', 'patch']),
    rule(`${mount}/data/${path}`, ['create', 'update']),
  ]);
  const login =
    role === undefined
      ? []
      : [
          `# its role; add what the JWT must say: bound_audiences, bound_claims`,
          `# vault write ${flag}auth/${auth}/role/${role} role_type=jwt user_claim=sub token_policies=${policy} token_ttl=15m`,
        ];
  return `${[`# policy for store ${store}: vault policy write ${flag}${policy} FILE`, ...rules, ...login].join('\n')}\n`;
}

/** A string of HCL is one of JSON. */
function rule(path: string, capabilities: readonly string[]): string {
  return `path ${JSON.stringify(path)} { capabilities = [${capabilities.map((each) => `"${each}"`).join(', ')}] }`;
}
