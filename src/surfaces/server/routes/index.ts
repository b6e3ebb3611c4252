import { aboutRoutes } from './about.ts';
import { agentRunRoutes } from './agent-runs.ts';
import { agentRoutes } from './agents.ts';
import { approvalRoutes } from './approvals.ts';
import { hookRoutes } from './hook.ts';
import { mcpRoutes } from './mcp.ts';
import { operatorRoutes } from './operator.ts';
import { pageRoutes } from './page.ts';
import { pageViewRoutes } from './page-views.ts';
import { revealRoutes } from './reveals.ts';
import { runRoutes } from './runs.ts';
import type { Route } from './route.ts';

/** Everything that is served. Authentication, the router and /openapi.json are made of this table. */
export const routes: readonly Route[] = [
  ...agentRoutes,
  ...hookRoutes,
  ...runRoutes,
  ...agentRunRoutes,
  ...approvalRoutes,
  ...mcpRoutes,
  ...operatorRoutes,
  ...pageRoutes,
  ...pageViewRoutes,
  ...revealRoutes,
  ...aboutRoutes,
];
