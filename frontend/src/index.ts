export type { GetToken } from './api/client';
export { ApiProblem } from './api/problem';
export { type AISelection, AISelector, type AISelectorProps } from './components/common/AISelector';
export type { Locale } from './i18n/locale';
export { NexusProvider, type NexusProviderProps } from './NexusProvider';
