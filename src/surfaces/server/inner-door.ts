import { ZodError } from 'zod';
import type { Caller } from '../../broker/contract.ts';
import { BrokerError } from '../../client/broker-error.ts';
import { headerNames, nameForm } from '../../foundation/wire.ts';
import type { Door, DoorRequest, Json } from '../mcp/broker-door.ts';
import { EdgeRefusal, problemOf } from './edge-refusal.ts';
import type { ProvenRoute, Route, Serving } from './routes/route.ts';

export interface InnerDoorOptions {
  readonly routes: readonly Route[];
  readonly serving: Serving;
  readonly caller: Caller;
  /** told of what nobody expected */
  readonly fault: (error: unknown) => void;
}

/** The way to the routes for agents from within the server, in the name of a caller who is proven already. */
export function createInnerDoor({ routes, serving, caller, fault }: InnerDoorOptions): Door {
  async function answer({ method, path, body, key, approvals, waits, signal }: DoorRequest): Promise<Json> {
    const [where = '', query = ''] = path.split('?');
    const [route, params] = routeFor(routes, method, where);
    const gone = () => signal;
    const reason = typeof body?.['reason'] === 'string' ? body['reason'] : caller.reason;
    const call = {
      serving,
      params,
      query: route.query?.parse(Object.fromEntries(new URLSearchParams(query))),
      body: route.body?.schema.parse(withoutAbsent(body)),
      headers: key === undefined ? {} : { [headerNames.key.toLowerCase()]: key },
      provenKey: () => Promise.resolve(undefined),
      gone,
    };
    const patient = waits === undefined || waits === 0 ? {} : { waits, gone };
    const text = (await route.handle(call, { ...caller, reason, approvals, ...patient })).body;
    return JSON.parse(text) as Json;
  }

  return {
    async ask(request) {
      try {
        return await answer(request);
      } catch (error) {
        if (error instanceof ZodError) throw new BrokerError('invalid-request', { requestId: caller.request });
        const { code, ...facts } = problemOf(error);
        if (code === 'internal') fault(error);
        throw new BrokerError(code, { ...facts, requestId: caller.request });
      }
    },
  };
}

/** @throws EdgeRefusal */
function routeFor(
  routes: readonly Route[],
  method: string,
  path: string,
): readonly [ProvenRoute, Record<string, string>] {
  const parts = path.split('/');
  for (const route of routes) {
    if (route.access !== 'agent' || route.method !== method) continue;
    const params = paramsIn(route.path.split('/'), parts);
    if (params !== undefined) return [route, params];
  }
  throw new EdgeRefusal('not-found');
}

function paramsIn(pattern: readonly string[], parts: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== parts.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, each] of pattern.entries()) {
    const part = parts[index] ?? '';
    const name = /^\{(\w+)\}$/.exec(each)?.[1];
    if (name === undefined ? each !== part : !nameForm.test(part)) return undefined;
    if (name !== undefined) params[name] = part;
  }
  return params;
}

/** As JSON leaves it: what is undefined is not there. */
function withoutAbsent(body: Json | undefined): Json {
  return Object.fromEntries(Object.entries(body ?? {}).filter(([, value]) => value !== undefined));
}
