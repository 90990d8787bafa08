export type { GetToken } from './api/client';
export { ApiProblem } from './api/problem';
export { AIIntegrationsTab } from './features/integrations/components/AIIntegrationsTab';
export {
  type AISelection,
  AISelector,
  type AISelectorProps,
} from './features/selector/components/AISelector';
export { AIUsageDashboard } from './features/usage/components/AIUsageDashboard';
export type { Locale } from './i18n/locale';
export { NexusProvider, type NexusProviderProps } from './NexusProvider';
