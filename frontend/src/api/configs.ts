import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNexus } from '@/NexusContext';
import { bodyOf, type Schemas } from './client';
import type { ProviderName } from './providers';

export type ProviderConfig = Schemas['ProviderConfigView'];
export type ConnectionCode = Schemas['ConnectionCode'];
export type Model = Schemas['ModelView'];
/** Key and model to test. If one is left out, the saved one is used. */
export type ConnectionTestInput = Omit<Schemas['ConnectionTestRequest'], 'provider'>;
type Changes = Schemas['ProviderConfigRequest'];

export const configsKey = ['configs'] as const;
const modelsKey = (provider: ProviderName) => ['models', provider] as const;

/** Load the tenant's provider configs, enabled and disabled. */
export function useConfigs() {
  const { api } = useNexus();
  return useQuery({
    queryKey: configsKey,
    queryFn: async () => (await bodyOf(api.GET('/api/marketing/ai/configs'))).items,
  });
}

/** Load the models that the saved key can use. This calls the provider, so enable it only when the list is opened. */
export function useModels(provider: ProviderName, enabled: boolean) {
  const { api } = useNexus();
  const params = { path: { provider } };
  return useQuery({
    queryKey: modelsKey(provider),
    queryFn: async () =>
      (await bodyOf(api.GET('/api/marketing/ai/configs/{provider}/models', { params }))).items,
    enabled,
  });
}

/** Save the given fields of a provider config. The API tests a new key or model first. */
export function useSaveConfig(provider: ProviderName) {
  const { api } = useNexus();
  const reload = useReload(provider);
  return useMutation({
    mutationFn: (changes: Partial<Changes>) => {
      // The schema's defaults apply to new configs only: fields that are left out keep their values.
      const body = changes as Changes;
      return bodyOf(
        api.PUT('/api/marketing/ai/configs/{provider}', { params: { path: { provider } }, body }),
      );
    },
    onSuccess: reload,
  });
}

export function useDeleteConfig(provider: ProviderName) {
  const { api } = useNexus();
  const reload = useReload(provider);
  return useMutation({
    mutationFn: () =>
      bodyOf(api.DELETE('/api/marketing/ai/configs/{provider}', { params: { path: { provider } } })),
    onSuccess: reload,
  });
}

/** Test the connection with a real request to the provider. */
export function useTestConnection(provider: ProviderName) {
  const { api } = useNexus();
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (input: ConnectionTestInput) =>
      bodyOf(api.POST('/api/marketing/ai/configs/test', { body: { provider, ...input } })),
    // The configs contain the last test's result. Do not delay this result until they are reloaded.
    onSuccess: () => void queryClient.invalidateQueries({ queryKey: configsKey }),
  });
}

/** Reload the configs, since a new default replaces the old one, and the models, which depend on the key. */
function useReload(provider: ProviderName): () => Promise<void> {
  const queryClient = useQueryClient();
  return async () => {
    queryClient.removeQueries({ queryKey: modelsKey(provider) });
    await queryClient.invalidateQueries({ queryKey: configsKey });
  };
}
