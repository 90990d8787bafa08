import { CSPProvider } from '@base-ui/react/csp-provider';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { type ReactNode, useMemo, useState } from 'react';
import { createApi, type GetToken } from './api/client';
import { asProblem } from './api/problem';
import { ToastProvider } from './components/ui/Toast';
import type { Locale } from './i18n/locale';
import { NexusContext } from './NexusContext';
import './styles/tokens.css';

export interface NexusProviderProps {
  /** Where the API is: its origin, with the stage where there is one. Empty is the page's own origin. */
  readonly baseUrl: string;
  /** Keep it stable (useCallback): a new function is a new client. */
  readonly getToken: GetToken;
  readonly locale?: Locale;
  /** The application's own, where the cache is to be shared. */
  readonly queryClient?: QueryClient;
  readonly children: ReactNode;
}

const RETRIES = 2;

/** Tried again: a connection that failed, and what the API says may pass. Never a 4xx. */
function isPassing(failures: number, error: Error): boolean {
  const { status } = asProblem(error);
  return failures < RETRIES && (status === 0 || status === 503);
}

export function createQueryClient(): QueryClient {
  return new QueryClient({ defaultOptions: { queries: { staleTime: 30_000, retry: isPassing } } });
}

/** What every component of this library needs above it, once in an application. */
export function NexusProvider({
  baseUrl,
  getToken,
  locale = 'pt-BR',
  queryClient,
  children,
}: NexusProviderProps) {
  const [ownQueryClient] = useState(createQueryClient);
  const api = useMemo(() => createApi(baseUrl, getToken), [baseUrl, getToken]);
  const nexus = useMemo(() => ({ api, locale }), [api, locale]);
  return (
    <CSPProvider disableStyleElements>
      <NexusContext value={nexus}>
        <QueryClientProvider client={queryClient ?? ownQueryClient}>
          <ToastProvider>{children}</ToastProvider>
        </QueryClientProvider>
      </NexusContext>
    </CSPProvider>
  );
}
