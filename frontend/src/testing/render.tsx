import { QueryClient } from '@tanstack/react-query';
import { render as renderBare } from '@testing-library/react';
import type { ReactNode } from 'react';
import type { Locale } from '@/i18n/locale';
import { NexusProvider } from '@/NexusProvider';
import { API } from './server';

const getToken = () => 'token-of-a-test';

/** Render inside a provider of the simulated API, in English and without retries. */
export function render(children: ReactNode, locale: Locale = 'en') {
  const queryClient = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  return renderBare(
    <NexusProvider baseUrl={API} getToken={getToken} locale={locale} queryClient={queryClient}>
      {children}
    </NexusProvider>,
  );
}
