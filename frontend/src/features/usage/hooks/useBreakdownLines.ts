import { displayName } from '@/api/providers';
import type { UsageNumbers, UsageStats } from '@/api/usage';
import { useTexts } from '@/i18n/useTexts';
import { usageTexts } from '../i18n/usageTexts';

export type BreakdownKey = 'provider' | 'model' | 'module';

export interface BreakdownLine extends UsageNumbers {
  readonly name: string;
}

/** Return the usage by provider, model and module as lines with display names. */
export function useBreakdownLines(
  stats: UsageStats,
): Readonly<Record<BreakdownKey, readonly BreakdownLine[]>> {
  const t = useTexts(usageTexts);
  const provider = (name: string | null) => (name === null ? t('breakdown.noProvider') : displayName(name));
  return {
    provider: stats.byProvider.map((line) => ({ ...line, name: provider(line.provider) })),
    model: stats.byModel.map((line) => ({
      ...line,
      name: line.model === null ? provider(line.provider) : `${provider(line.provider)} · ${line.model}`,
    })),
    module: stats.byModule.map((line) => ({ ...line, name: line.module })),
  };
}
