import { jsonAnswer } from '../http-answers.ts';
import { operatorPaths } from '../../../foundation/wire.ts';
import { operatorRoute, overview, requestId, type Route } from './route.ts';

/** For whoever holds the vault's token at a terminal. */
export const operatorRoutes: readonly Route[] = [
  operatorRoute({
    method: 'GET',
    path: operatorPaths.overview,
    id: 'overview',
    summary: 'How the broker is: rules in force, files that are wrong, counts',
    action: 'operator.look',
    answer: overview.extend({ requestId }),
    problems: ['audit-unavailable'],
    handle: async ({ serving }, caller) => jsonAnswer({ ...(await serving.overview()), requestId: caller.request }),
  }),
];
