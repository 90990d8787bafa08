import { totalTokens, type UsageStats } from '@/api/usage';
import { useTexts } from '@/i18n/useTexts';
import { csv, downloadCsv } from '@/lib/csv';
import { usageTexts } from '../i18n/usageTexts';
import { type BreakdownLine, useBreakdownLines } from './useBreakdownLines';

/** Return a function that downloads days and breakdowns as one CSV table, with unformatted numbers. */
export function useCsvExport(stats: UsageStats): () => void {
  const t = useTexts(usageTexts);
  const lines = useBreakdownLines(stats);
  const days = stats.series.map((line) => ({ ...line, name: line.day }));
  const row = (kind: string) => (line: BreakdownLine) => [
    kind,
    line.name,
    line.requests,
    totalTokens(line),
    line.costUsd,
    line.meanLatencyMs,
    line.errors,
    line.rejections,
    line.cacheHits,
  ];
  return () => {
    const header = [
      t('csv.kind'),
      t('breakdown.name'),
      t('figures.requests'),
      t('figures.tokens'),
      `${t('figures.cost')} (USD)`,
      `${t('figures.time')} (ms)`,
      t('breakdown.errors'),
      t('breakdown.rejections'),
      t('breakdown.hits'),
    ];
    const text = csv([
      header,
      ...days.map(row(t('csv.day'))),
      ...lines.provider.map(row(t('csv.provider'))),
      ...lines.model.map(row(t('csv.model'))),
      ...lines.module.map(row(t('csv.module'))),
    ]);
    downloadCsv(`${t('csv.file')}-${stats.from}-${stats.to}.csv`, text);
  };
}
