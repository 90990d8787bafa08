import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNexus } from '@/NexusContext';
import { bodyOf, type Schemas } from './client';

export type Preferences = Schemas['PreferencesView'];
export type PreferenceChanges = Partial<Schemas['PreferencesRequest']>;

const preferencesKey = ['preferences'] as const;

export function usePreferences() {
  const { api } = useNexus();
  return useQuery({
    queryKey: preferencesKey,
    queryFn: () => bodyOf(api.GET('/api/marketing/ai/preferences')),
  });
}

export function useSavePreferences() {
  const { api } = useNexus();
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (changes: PreferenceChanges) => {
      // Fields that are left out keep their values.
      const body = changes as Schemas['PreferencesRequest'];
      return bodyOf(api.PUT('/api/marketing/ai/preferences', { body }));
    },
    onSuccess: (preferences) => queryClient.setQueryData(preferencesKey, preferences),
  });
}
