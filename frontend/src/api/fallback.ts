import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNexus } from '../NexusContext';
import { answerOf, type Schemas } from './client';

export type Order = Schemas['OrderView'];
export type Step = Schemas['StepView'];
export type Strategy = Schemas['Strategy'];

/** The module that stands for every module without an order of its own. */
export const ANY_MODULE = '*';

const fallbackKey = ['fallback'] as const;

/** In which order providers are asked, by module. */
export function useFallback() {
  const { api } = useNexus();
  return useQuery({
    queryKey: fallbackKey,
    queryFn: async () => (await answerOf(api.GET('/api/marketing/ai/fallback-config'))).modules,
  });
}

/** Saves one module's order; null takes it away. */
export function useSaveOrder(module: string) {
  const { api } = useNexus();
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: async (order: Schemas['OrderRequest'] | null) => {
      const body = { modules: { [module]: order } };
      return (await answerOf(api.PUT('/api/marketing/ai/fallback-config', { body }))).modules;
    },
    onSuccess: (modules) => queryClient.setQueryData(fallbackKey, modules),
  });
}
