import { createContext, useContext } from 'react';
import type { Api } from './api/client';
import type { Locale } from './i18n/locale';

export interface Nexus {
  readonly api: Api;
  readonly locale: Locale;
}

/** The API client and the language that `NexusProvider` gives to the components below it. */
export const NexusContext = createContext<Nexus | null>(null);

export function useNexus(): Nexus {
  const nexus = useContext(NexusContext);
  if (nexus === null) throw new Error('Components of @nexus/ai need a <NexusProvider> above them');
  return nexus;
}
