import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useNexus } from '../NexusContext';
import { answerOf, type Schemas } from './client';

export type UsageStats = Schemas['UsageStats'];
export type UsageNumbers = Schemas['UsageNumbers'];

/** Local days of the company, as YYYY-MM-DD, both included. */
export interface DayRange {
  readonly from: string;
  readonly to: string;
}

export type Period = 'today' | 'week' | 'month';
export type UsageQuery = { readonly period: Period } | DayRange;

const DAY_MS = 86_400_000;

/** What was used in a period; what is shown stays until the next period is there. */
export function useUsageStats(query: UsageQuery | null) {
  const { api } = useNexus();
  return useQuery({
    queryKey: ['usage', query],
    queryFn: () => answerOf(api.GET('/api/marketing/ai/usage-stats', { params: { query: query ?? {} } })),
    enabled: query !== null,
    placeholderData: keepPreviousData,
  });
}

/** As many days, right before. */
export function rangeBefore({ from, to }: DayRange): DayRange {
  const first = Date.parse(from);
  const days = Math.round((Date.parse(to) - first) / DAY_MS) + 1;
  return { from: day(first - days * DAY_MS), to: day(first - DAY_MS) };
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
