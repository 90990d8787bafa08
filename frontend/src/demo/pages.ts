import { type ComponentType, lazy } from 'react';
import type ptBR from './i18n/pt-BR.json';
import type { PageProps } from './PageProps';

interface Page {
  readonly path: string;
  /** Route pattern, if it differs from the path. */
  readonly route?: string;
  readonly name: keyof typeof ptBR.pages;
  readonly component: ComponentType<PageProps>;
  /** Show the page to administrators only. The API rejects other users as well. */
  readonly adminOnly?: boolean;
}

/** All pages of the demo. Each is loaded when it is opened; the first one is the start page. */
export const PAGES: readonly Page[] = [
  { path: '/', name: 'assistant', component: lazy(() => import('./AssistantPage')) },
  { path: '/usage', name: 'usage', component: lazy(() => import('./UsagePage')) },
  { path: '/audit', route: '/audit/:id?', name: 'audit', component: lazy(() => import('./AuditPage')) },
  {
    path: '/integrations',
    name: 'integrations',
    component: lazy(() => import('./IntegrationsPage')),
    adminOnly: true,
  },
];
