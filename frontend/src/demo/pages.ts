import { type ComponentType, lazy } from 'react';
import type ptBR from '../i18n/pt-BR/demo.json';

/** What a page is told of who looks at it. */
export interface PageProps {
  readonly isAdmin: boolean;
}

interface Page {
  readonly path: string;
  /** What it answers to, where that is more than its path. */
  readonly route?: string;
  readonly name: keyof typeof ptBR.pages;
  readonly component: ComponentType<PageProps>;
  /** Shown to administrators only; the API refuses others in any case. */
  readonly adminOnly?: boolean;
}

/** Every page of the demo, each in a file that is loaded when it is opened. The first one is the start. */
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
