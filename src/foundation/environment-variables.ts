import { Secret } from './secret.ts';

/** Secrets that came by environment variables, out of reach of everything that reads `process.env` later. */
export interface TakenEnvironment {
  /** The variable's value; from the first call on it is in no environment any more. */
  secret(name: string): Secret | undefined;
}

/** 1Password's own variables and an agent's token, which no child process and no library of ours has business with. */
const always = ['OP_SERVICE_ACCOUNT_TOKEN', 'OP_CONNECT_TOKEN', 'OP_SESSION', 'FLOWS_AGENT_TOKEN'];
/** A service account's token, and an agent's. */
const tokenForm = /^(?:ops_|flows_[0-9A-Za-z]{38}$)/;
/** of each environment: whoever takes from it later, as a second folder that a program opens, has what was there before */
const takenOf = new WeakMap<object, Map<string, Secret>>();

/**
 * Takes tokens out of an environment before anything else loads: 1Password's own variables, FLOWS_AGENT_TOKEN, and any
 * whose value is such a token. Variables that service.yaml names are taken when it is read.
 */
export function takeEnvironment(env: Record<string, string | undefined>): TakenEnvironment {
  const taken = takenOf.get(env) ?? new Map<string, Secret>();
  takenOf.set(env, taken);
  const take = (name: string) => {
    const value = env[name];
    if (value === undefined) return;
    taken.set(name, new Secret(value));
    delete env[name];
  };
  for (const [name, value] of Object.entries(env)) {
    if (always.includes(name) || (value !== undefined && tokenForm.test(value))) take(name);
  }
  return {
    secret(name) {
      take(name);
      return taken.get(name);
    },
  };
}
