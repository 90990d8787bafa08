import type { AuditRecord } from '@/api/audit';
import { useIncidents } from '@/api/incidents';
import { displayName } from '@/api/providers';
import { Card } from '@/components/ui/Card';
import { EmptyState } from '@/components/ui/EmptyState';
import { ErrorState } from '@/components/ui/ErrorState';
import { Skeleton } from '@/components/ui/Skeleton';
import { type Column, Table } from '@/components/ui/Table';
import { useFailureText } from '@/i18n/useFailureText';
import { useFormat } from '@/i18n/useFormat';
import { useTexts } from '@/i18n/useTexts';
import { usageTexts } from '../i18n/usageTexts';

const ROWS_MAX = 10;

/** Table of the last failures and fallbacks. */
export function IncidentsCard() {
  const t = useTexts(usageTexts);
  const format = useFormat();
  const failureText = useFailureText();
  const incidents = useIncidents();
  const columns: readonly Column<AuditRecord>[] = [
    { key: 'when', header: t('incidents.when'), cell: (record) => format.moment(record.at) },
    { key: 'what', header: t('incidents.what'), cell: description },
    { key: 'module', header: t('incidents.module'), cell: (record) => record.module },
  ];
  return (
    <Card title={t('incidents.title')}>
      {incidents.isPending && <Skeleton height="8rem" />}
      {incidents.isError && <ErrorState error={incidents.error} onRetry={() => void incidents.refetch()} />}
      {incidents.data?.length === 0 && <EmptyState title={t('incidents.none')} />}
      {incidents.data !== undefined && incidents.data.length > 0 && (
        <Table
          caption={t('incidents.title')}
          columns={columns}
          rows={incidents.data.slice(0, ROWS_MAX)}
          rowKey={(record) => record.id}
        />
      )}
    </Card>
  );

  function description(record: AuditRecord): string {
    const provider = displayName(record.provider);
    if (record.status === 'abandoned') return t('incidents.abandoned', { provider });
    if (record.status === 'failed')
      return t('incidents.failed', { provider, code: failureText(record.errorCode) });
    const [first] = record.attempts;
    return t('incidents.fallback', {
      first: displayName(first?.provider ?? ''),
      code: failureText(first?.errorCode ?? null),
      provider,
    });
  }
}
