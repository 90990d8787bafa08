import { useState } from 'react';
import { totalTokens, type UsageStats } from '@/api/usage';
import { Card } from '@/components/ui/Card';
import { EmptyState } from '@/components/ui/EmptyState';
import { type Column, Table } from '@/components/ui/Table';
import { Tabs } from '@/components/ui/Tabs';
import { useFormat } from '@/i18n/useFormat';
import { useTexts } from '@/i18n/useTexts';
import { type BreakdownKey, type BreakdownLine, useBreakdownLines } from '../hooks/useBreakdownLines';
import { usageTexts } from '../i18n/usageTexts';

/** Table of the usage by provider, model and module. */
export function UsageBreakdown({ stats }: { readonly stats: UsageStats }) {
  const t = useTexts(usageTexts);
  const format = useFormat();
  const [by, setBy] = useState<BreakdownKey>('provider');
  const lines = useBreakdownLines(stats);
  const share = (rate: number | null) => (rate === null ? t('unknown') : format.percent(rate));
  const columns: readonly Column<BreakdownLine>[] = [
    { key: 'name', header: t('breakdown.name'), cell: (line) => line.name },
    {
      key: 'requests',
      header: t('figures.requests'),
      cell: (line) => format.integer(line.requests),
      numeric: true,
    },
    {
      key: 'tokens',
      header: t('figures.tokens'),
      cell: (line) => format.integer(totalTokens(line)),
      numeric: true,
    },
    { key: 'cost', header: t('figures.cost'), cell: (line) => format.usd(line.costUsd), numeric: true },
    {
      key: 'time',
      header: t('figures.time'),
      cell: (line) => (line.meanLatencyMs === null ? t('unknown') : format.duration(line.meanLatencyMs)),
      numeric: true,
    },
    { key: 'errors', header: t('breakdown.errors'), cell: (line) => share(line.errorRate), numeric: true },
    {
      key: 'rejections',
      header: t('breakdown.rejections'),
      cell: (line) => format.integer(line.rejections),
      numeric: true,
    },
    { key: 'hits', header: t('breakdown.hits'), cell: (line) => share(line.cacheHitRate), numeric: true },
  ];
  const table = (rows: readonly BreakdownLine[], caption: string) =>
    rows.length === 0 ? (
      <EmptyState title={t('empty.title')} />
    ) : (
      <Table caption={caption} columns={columns} rows={rows} rowKey={(line) => line.name} />
    );
  return (
    <Card title={t('breakdown.title')}>
      <Tabs
        label={t('breakdown.title')}
        value={by}
        onChange={setBy}
        tabs={(['provider', 'model', 'module'] as const).map((each) => ({
          value: each,
          label: t(`breakdown.${each}`),
          content: table(lines[each], t(`breakdown.${each}`)),
        }))}
      />
    </Card>
  );
}
