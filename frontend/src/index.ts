export type { GetToken } from './api/client';
export { ApiProblem } from './api/problem';
export { type AISelection, AISelector, type AISelectorProps } from './components/common/AISelector';
export { AIUsageDashboard } from './components/marketing/AIUsageDashboard';
export { AIIntegrationsTab } from './components/settings/AIIntegrationsTab';
export type { Locale } from './i18n/locale';
export { NexusProvider, type NexusProviderProps } from './NexusProvider';
