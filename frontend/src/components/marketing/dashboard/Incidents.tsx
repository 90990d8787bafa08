import type { AuditRecord } from '../../../api/audit';
import { useIncidents } from '../../../api/incidents';
import { dashboardTexts } from '../../../i18n/dashboard';
import { useFailureText } from '../../../i18n/useFailureText';
import { useFormat } from '../../../i18n/useFormat';
import { useTexts } from '../../../i18n/useTexts';
import { displayName } from '../../../providers';
import { Card } from '../../ui/Card';
import { EmptyState } from '../../ui/EmptyState';
import { ErrorState } from '../../ui/ErrorState';
import { Skeleton } from '../../ui/Skeleton';
import { type Column, Table } from '../../ui/Table';

const SHOWN = 10;

export function Incidents() {
  const t = useTexts(dashboardTexts);
  const format = useFormat();
  const words = useFailureText();
  const incidents = useIncidents();
  const columns: readonly Column<AuditRecord>[] = [
    { key: 'when', header: t('incidents.when'), cell: (record) => format.moment(record.at) },
    { key: 'what', header: t('incidents.what'), cell: what },
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
          rows={incidents.data.slice(0, SHOWN)}
          rowKey={(record) => record.id}
        />
      )}
    </Card>
  );

  function what(record: AuditRecord): string {
    const provider = displayName(record.provider);
    if (record.status === 'abandoned') return t('incidents.abandoned', { provider });
    if (record.status === 'failed') return t('incidents.failed', { provider, code: words(record.errorCode) });
    const [first] = record.attempts;
    return t('incidents.fallback', {
      first: displayName(first?.provider ?? ''),
      code: words(first?.errorCode ?? null),
      provider,
    });
  }
}
