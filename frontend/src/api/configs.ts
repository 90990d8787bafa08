import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNexus } from '../NexusContext';
import type { ProviderName } from '../providers';
import { answerOf, type Schemas } from './client';

export type ProviderConfig = Schemas['ProviderConfigView'];
export type ConnectionCode = Schemas['ConnectionCode'];
export type Model = Schemas['ModelView'];
/** A key and a model to test; what is left out is the saved one. */
export type ConnectionTried = Omit<Schemas['ConnectionTestRequest'], 'provider'>;
type Changes = Schemas['ProviderConfigRequest'];

export const configsKey = ['configs'] as const;
const modelsKey = (provider: ProviderName) => ['models', provider] as const;

/** The tenant's configured providers, enabled or not. */
export function useConfigs() {
  const { api } = useNexus();
  return useQuery({
    queryKey: configsKey,
    queryFn: async () => (await answerOf(api.GET('/api/marketing/ai/configs'))).items,
  });
}

/** What the saved key can use. It asks the vendor, and so waits until somebody wants to choose. */
export function useModels(provider: ProviderName, enabled: boolean) {
  const { api } = useNexus();
  const params = { path: { provider } };
  return useQuery({
    queryKey: modelsKey(provider),
    queryFn: async () =>
      (await answerOf(api.GET('/api/marketing/ai/configs/{provider}/models', { params }))).items,
    enabled,
  });
}

/** Saves what is named of a provider's configuration; a key or model that is new is tried first. */
export function useSaveConfig(provider: ProviderName) {
  const { api } = useNexus();
  const refresh = useRefresh(provider);
  return useMutation({
    mutationFn: (changes: Partial<Changes>) => {
      // The description's defaults are those of a new configuration: what is left out stays as it is.
      const body = changes as Changes;
      return answerOf(
        api.PUT('/api/marketing/ai/configs/{provider}', { params: { path: { provider } }, body }),
      );
    },
    onSuccess: refresh,
  });
}

export function useDeleteConfig(provider: ProviderName) {
  const { api } = useNexus();
  const refresh = useRefresh(provider);
  return useMutation({
    mutationFn: () =>
      answerOf(api.DELETE('/api/marketing/ai/configs/{provider}', { params: { path: { provider } } })),
    onSuccess: refresh,
  });
}

/** A real call with the key and model that are given, else with the saved ones. */
export function useTestConnection(provider: ProviderName) {
  const { api } = useNexus();
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (tried: ConnectionTried) =>
      answerOf(api.POST('/api/marketing/ai/configs/test', { body: { provider, ...tried } })),
    // The saved key's last test is told with the configurations; the result does not wait for them.
    onSuccess: () => void queryClient.invalidateQueries({ queryKey: configsKey }),
  });
}

/** One default takes the mark from another, and a new key may use other models: both are asked for anew. */
function useRefresh(provider: ProviderName): () => Promise<void> {
  const queryClient = useQueryClient();
  return async () => {
    queryClient.removeQueries({ queryKey: modelsKey(provider) });
    await queryClient.invalidateQueries({ queryKey: configsKey });
  };
}
