import { useQuery } from '@tanstack/react-query';
import { useNexus } from '../NexusContext';
import { answerOf, type Schemas } from './client';

export type ProviderConfig = Schemas['ProviderConfigView'];

export const configsKey = ['configs'] as const;

/** The tenant's configured providers, enabled or not. */
export function useConfigs() {
  const { api } = useNexus();
  return useQuery({
    queryKey: configsKey,
    queryFn: async () => (await answerOf(api.GET('/api/marketing/ai/configs'))).items,
  });
}
