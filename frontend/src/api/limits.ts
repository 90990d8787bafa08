import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNexus } from '../NexusContext';
import { answerOf, type Schemas } from './client';

export type Limits = Schemas['RateLimitsView'];
export type LimitWindow = Schemas['LimitWindow'];
export type LimitName = keyof Schemas['CeilingView'];
export type LimitChanges = Partial<Schemas['RateLimitsRequest']>;

const limitsKey = ['limits'] as const;
const LIVE_MS = 10_000;

/** The limits as they stand, asked for again and again while the page is seen. */
export function useLimits() {
  const { api } = useNexus();
  return useQuery({
    queryKey: limitsKey,
    queryFn: () => answerOf(api.GET('/api/marketing/ai/rate-limits')),
    refetchInterval: LIVE_MS,
  });
}

export function useSaveLimits() {
  const { api } = useNexus();
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (changes: LimitChanges) => {
      // What is left out stays as it is.
      const body = changes as Schemas['RateLimitsRequest'];
      return answerOf(api.PUT('/api/marketing/ai/rate-limits', { body }));
    },
    onSuccess: (limits) => queryClient.setQueryData(limitsKey, limits),
  });
}
