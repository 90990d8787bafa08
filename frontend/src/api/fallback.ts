import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNexus } from '@/NexusContext';
import { bodyOf, type Schemas } from './client';

export type Order = Schemas['OrderView'];
export type Step = Schemas['StepView'];
export type Strategy = Schemas['Strategy'];

/** Key of the order for every module without a separate one. */
export const ANY_MODULE = '*';

const fallbackKey = ['fallback'] as const;

/** Load the order of providers for each module. */
export function useFallbackOrders() {
  const { api } = useNexus();
  return useQuery({
    queryKey: fallbackKey,
    queryFn: async () => (await bodyOf(api.GET('/api/marketing/ai/fallback-config'))).modules,
  });
}

/** Save one module's order, or remove it with null. */
export function useSaveOrder(module: string) {
  const { api } = useNexus();
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: async (order: Schemas['OrderRequest'] | null) => {
      const body = { modules: { [module]: order } };
      return (await bodyOf(api.PUT('/api/marketing/ai/fallback-config', { body }))).modules;
    },
    onSuccess: (modules) => queryClient.setQueryData(fallbackKey, modules),
  });
}
