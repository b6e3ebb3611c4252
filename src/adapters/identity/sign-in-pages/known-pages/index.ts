import { keycloak } from './keycloak.ts';
import type { PageSelectors } from './selectors.ts';

/** What `pages:` of an identity provider's `sign-in` may name. */
export const pages = { keycloak } as const satisfies Record<string, PageSelectors>;

export type PagesName = keyof typeof pages;
