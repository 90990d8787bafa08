import { Link, useSearch } from 'wouter';
import { type AuditRecord, usedFallback } from '@/api/audit';
import { displayName } from '@/api/providers';
import { Badge } from '@/components/ui/Badge';
import { type Column, Table } from '@/components/ui/Table';
import { useFormat } from '@/i18n/useFormat';
import { useTexts } from '@/i18n/useTexts';
import { auditTexts } from '../i18n/auditTexts';
import { pathWith } from '../utils/auditFilters';
import styles from './Audit.module.css';
import { AuditStatusBadge } from './AuditStatusBadge';

/** Table of audit records with links to each one. */
export function AuditRecordTable({ records }: { readonly records: readonly AuditRecord[] }) {
  const t = useTexts(auditTexts);
  const format = useFormat();
  const filters = useSearch();
  const columns: readonly Column<AuditRecord>[] = [
    {
      key: 'at',
      header: t('columns.at'),
      cell: (record) => (
        <Link href={pathWith(filters, `/audit/${record.id}`)} className={styles.link ?? ''}>
          {format.moment(record.at)}
        </Link>
      ),
    },
    {
      key: 'status',
      header: t('columns.status'),
      cell: (record) => (
        <span className={styles.marks}>
          <AuditStatusBadge status={record.status} />
          {usedFallback(record) && <Badge tone="warning">{t('fallback')}</Badge>}
        </span>
      ),
    },
    { key: 'user', header: t('columns.user'), cell: (record) => record.userId },
    { key: 'module', header: t('columns.module'), cell: (record) => record.module },
    {
      key: 'model',
      header: t('columns.model'),
      cell: (record) => `${displayName(record.provider)} · ${record.model}`,
    },
    {
      key: 'tokens',
      header: t('columns.tokens'),
      cell: (record) => format.integer(record.usage.totalTokens),
      numeric: true,
    },
    {
      key: 'cost',
      header: t('columns.cost'),
      cell: ({ usage }) => (usage.costUsd === null ? t('unknown') : format.usd(usage.costUsd)),
      numeric: true,
    },
    {
      key: 'time',
      header: t('columns.time'),
      cell: ({ latencyMs }) => (latencyMs === null ? t('unknown') : format.duration(latencyMs)),
      numeric: true,
    },
  ];
  return <Table caption={t('title')} columns={columns} rows={records} rowKey={(record) => record.id} />;
}
