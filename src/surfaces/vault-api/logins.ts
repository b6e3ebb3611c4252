import { requireAgentRuns } from '../../broker/agent-runs/agent-runs.ts';
import { claimsSaid } from '../../broker/authentication/claims-said.ts';
import type { Caller } from '../../broker/contract.ts';
import type { Json, Login, Operation, ProvenRequest, VaultApiOptions, VaultReply, VaultRequest } from './contract.ts';
import { dataReply, envelope, malformed, onlyOfKv, unsupported } from './replies.ts';

/** What the holder of a token may ask about that token. */
interface OwnUse {
  readonly operation: Operation;
  answer(request: ProvenRequest): Promise<VaultReply>;
}

/** seconds: of a login. It ends by itself then; clients log in again. */
const loginLife = 3_600;

const methods: ReadonlySet<string> = new Set(['auth/jwt/login', 'auth/kubernetes/login']);

/** What a login says, whichever method it is by: both are a JWT of an issuer that policy trusts. @throws VaultRefusal */
export async function loginIn({ path, operation, body, wrap }: VaultRequest): Promise<Login | undefined> {
  if (!methods.has(path)) return undefined;
  if (operation !== 'write') throw unsupported();
  if (wrap !== undefined) throw onlyOfKv();
  const { role, jwt } = await body();
  if (typeof jwt !== 'string' || jwt === '') throw malformed('missing jwt');
  if (role !== undefined && typeof role !== 'string') throw malformed('the role is no text');
  return { jwt, agent: role === '' ? undefined : role };
}

/** Logins, and what is asked of one's own token. */
export function createLogins({ agentRuns, clock }: Pick<VaultApiOptions, 'agentRuns' | 'clock'>): {
  begin(caller: Caller): Promise<VaultReply>;
  own(path: string): OwnUse | undefined;
} {
  const runs = () => requireAgentRuns(agentRuns);
  const left = (end: number): number => Math.max(0, end - Math.floor(clock.now() / 1_000));

  const uses: Readonly<Record<string, OwnUse>> = {
    'token/lookup-self': {
      operation: 'read',
      answer: ({ caller, token }) => {
        const end = endOf(token.reveal());
        return Promise.resolve(
          dataReply({
            ...factsOf(caller),
            id: token.reveal(),
            display_name: caller.agent,
            path: caller.by === 'agent-run' ? 'auth/jwt/login' : 'auth/token/create',
            meta: { agent: caller.agent },
            ttl: end === undefined ? 0 : left(end),
            expire_time: end === undefined ? null : new Date(end * 1_000).toISOString(),
            explicit_max_ttl: 0,
            renewable: false,
            type: 'service',
          }),
        );
      },
    },
    'token/renew-self': {
      operation: 'write',
      // none gets a longer life, and the client is told how much of it is left
      async answer({ caller, token }) {
        const end = endOf(token.reveal());
        if (end === undefined) throw malformed('lease is not renewable');
        // it was heard of: nobody takes it for lost
        if (caller.by === 'agent-run' && caller.agentRun !== undefined)
          await runs().heartbeat(caller, caller.agentRun.run);
        return authReply(caller, token.reveal(), left(end));
      },
    },
    'token/revoke-self': {
      operation: 'write',
      async answer({ caller }) {
        if (caller.by !== 'agent-run' || caller.agentRun === undefined)
          throw malformed('only the token of a login is revoked here');
        await runs().finish(caller, caller.agentRun.run, 'succeeded');
        return { status: 204 };
      },
    },
  };

  return {
    async begin(caller) {
      // one that is silent all the time is no less alive: Vault's clients have no heartbeat
      const { run, token, tokenExpires } = await runs().begin(caller, { expires: loginLife, silence: loginLife });
      return authReply(caller, token.reveal(), left(tokenExpires), run);
    },
    own: (path) => (Object.hasOwn(uses, path) ? uses[path] : undefined),
  };
}

function authReply(caller: Caller, token: string, seconds: number, run = caller.agentRun?.run): VaultReply {
  const auth = {
    ...factsOf(caller, run),
    client_token: token,
    token_policies: [caller.agent],
    metadata: { role: caller.agent },
    lease_duration: seconds,
    renewable: false,
    token_type: 'service',
    mfa_requirement: null,
  };
  return { status: 200, body: envelope({ auth }) };
}

function factsOf({ agent, agentRun }: Caller, run = agentRun?.run): Json {
  return { accessor: run ?? '', policies: [agent], entity_id: '', orphan: true, num_uses: 0 };
}

/** Epoch seconds, of a token that proved its sender; undefined where it does not say. */
function endOf(token: string): number | undefined {
  const { exp } = claimsSaid(token);
  return exp === undefined ? undefined : Number(exp);
}
