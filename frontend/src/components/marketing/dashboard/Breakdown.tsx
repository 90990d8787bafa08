import { useState } from 'react';
import type { UsageNumbers, UsageStats } from '../../../api/usage';
import { dashboardTexts } from '../../../i18n/dashboard';
import { useFormat } from '../../../i18n/useFormat';
import { useTexts } from '../../../i18n/useTexts';
import { displayName } from '../../../providers';
import { Card } from '../../ui/Card';
import { EmptyState } from '../../ui/EmptyState';
import { type Column, Table } from '../../ui/Table';
import { Tabs } from '../../ui/Tabs';
import { tokensOf } from './Figures';

export interface Line extends UsageNumbers {
  readonly name: string;
}

type By = 'provider' | 'model' | 'module';

/** What was used by provider, model and module, as rows with a name each. */
export function useLines(stats: UsageStats): Readonly<Record<By, readonly Line[]>> {
  const t = useTexts(dashboardTexts);
  const provider = (name: string | null) => (name === null ? t('breakdown.nobody') : displayName(name));
  return {
    provider: stats.byProvider.map((line) => ({ ...line, name: provider(line.provider) })),
    model: stats.byModel.map((line) => ({
      ...line,
      name: line.model === null ? provider(line.provider) : `${provider(line.provider)} · ${line.model}`,
    })),
    module: stats.byModule.map((line) => ({ ...line, name: line.module })),
  };
}

export function Breakdown({ stats }: { readonly stats: UsageStats }) {
  const t = useTexts(dashboardTexts);
  const format = useFormat();
  const [by, setBy] = useState<By>('provider');
  const lines = useLines(stats);
  const share = (rate: number | null) => (rate === null ? t('unknown') : format.percent(rate));
  const columns: readonly Column<Line>[] = [
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
      cell: (line) => format.integer(tokensOf(line)),
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
  const table = (rows: readonly Line[], caption: string) =>
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
