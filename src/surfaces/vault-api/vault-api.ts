import { itemsMount } from '../../folder/policy/vault-paths.ts';
import type { ProvenRequest, VaultApi, VaultApiOptions, VaultReply } from './contract.ts';
import { createKv } from './kv.ts';
import { createLogins, loginIn } from './logins.ts';
import { mountsReply, preflight } from './mounts.ts';
import { createOp } from './op.ts';
import { malformed, nothingThere, onlyOfKv, unsupported } from './replies.ts';
import { createStatus } from './status.ts';
import { createTotp } from './totp.ts';
import { createWrapping, isWrapping } from './wrapping.ts';

const unwrapPath = 'sys/wrapping/unwrap';

/**
 * What Vault's clients ask for, answered by a broker in the name of one of its agents: policy, rates, leases, approvals
 * and the trail are the broker's own.
 * @example
 * const api = createVaultApi({ broker, agentRuns, registry: () => rules.current().registry, ready, version, clock, record });
 * const { status, body } = await api.answer({ ...request, path: 'secret/data/openai.api_key', caller, token });
 */
export function createVaultApi(options: VaultApiOptions): VaultApi {
  const status = createStatus(options);
  const logins = createLogins(options);
  const wrapping = createWrapping(options);
  const mounts = new Map([
    ['secret', createKv('secret', '2', options)],
    ['kv', createKv('kv', '1', options)],
    ['totp', createTotp(options)],
    [itemsMount, createOp(options)],
  ]);

  return {
    open: (request) => (request.operation === 'read' ? status(request.path) : undefined),
    login: loginIn,
    begin: logins.begin,
    async answer(request) {
      const { caller, wrap } = request;
      // before anything is done
      if (wrap !== undefined && mounts.get(request.path.split('/')[0] ?? '')?.type !== 'kv') throw onlyOfKv();
      const reply = await answered(request);
      return wrap === undefined ? reply : wrapping.wrap(reply, caller, wrap);
    },
    unwrap: ({ path, operation }, token = '', by) =>
      isWrapping(token) && path === unwrapPath && operation === 'write' ? wrapping.unwrap(token, by) : undefined,
  };

  async function answered(request: ProvenRequest): Promise<VaultReply> {
    const { path, operation, caller } = request;
    const [first = '', ...others] = path.split('/');
    const rest = others.join('/');
    const mount = mounts.get(first);
    if (mount !== undefined) return mount.answer(rest, request);
    const own = first === 'auth' ? logins.own(rest) : undefined;
    if (own !== undefined) {
      if (operation !== own.operation) throw unsupported();
      return own.answer(request);
    }
    if (path === 'sys/mounts' || path === 'sys/internal/ui/mounts') {
      if (operation !== 'read') throw unsupported();
      return mountsReply(mounts, path === 'sys/mounts');
    }
    if (path === unwrapPath && operation === 'write') {
      const { token } = await request.body();
      if (typeof token !== 'string') throw malformed('missing token');
      const { agent, agentRun, request: id, address } = caller;
      return wrapping.unwrap(token, { agent, request: id, address, agentRun: agentRun?.run });
    }
    if (operation === 'read' && path.startsWith('sys/internal/ui/mounts/')) return preflight(mounts, others[3] ?? '');
    throw nothingThere();
  }
}
