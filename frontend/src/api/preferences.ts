import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNexus } from '../NexusContext';
import { answerOf, type Schemas } from './client';

export type Preferences = Schemas['PreferencesView'];
export type PreferenceChanges = Partial<Schemas['PreferencesRequest']>;

const preferencesKey = ['preferences'] as const;

export function usePreferences() {
  const { api } = useNexus();
  return useQuery({
    queryKey: preferencesKey,
    queryFn: () => answerOf(api.GET('/api/marketing/ai/preferences')),
  });
}

export function useSavePreferences() {
  const { api } = useNexus();
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (changes: PreferenceChanges) => {
      // What is left out stays as it is.
      const body = changes as Schemas['PreferencesRequest'];
      return answerOf(api.PUT('/api/marketing/ai/preferences', { body }));
    },
    onSuccess: (preferences) => queryClient.setQueryData(preferencesKey, preferences),
  });
}
