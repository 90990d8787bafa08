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
  /** The API's origin, with its stage if it has one. Empty means the page's own origin. */
  readonly baseUrl: string;
  /** Returns the user's token. Keep it stable (useCallback): a new function makes a new client. */
  readonly getToken: GetToken;
  readonly locale?: Locale;
  /** The application's query client, if it shares its cache with these components. */
  readonly queryClient?: QueryClient;
  readonly children: ReactNode;
}

const RETRIES_MAX = 2;

/** Retry failed connections (status 0) and 503 only, never a 4xx. */
function shouldRetry(failures: number, error: Error): boolean {
  const { status } = asProblem(error);
  return failures < RETRIES_MAX && (status === 0 || status === 503);
}

export function createQueryClient(): QueryClient {
  return new QueryClient({ defaultOptions: { queries: { staleTime: 30_000, retry: shouldRetry } } });
}

/** Give every component below it the API client, the language and toasts. Render it once per application. */
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
