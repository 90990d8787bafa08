import { useAuditLogs } from '@/api/audit';
import { Button } from '@/components/ui/Button';
import { Card } from '@/components/ui/Card';
import { EmptyState } from '@/components/ui/EmptyState';
import { ErrorState } from '@/components/ui/ErrorState';
import { Skeleton } from '@/components/ui/Skeleton';
import { useTexts } from '@/i18n/useTexts';
import { useAddressFilters } from '../hooks/useAddressFilters';
import { auditTexts } from '../i18n/auditTexts';
import { filtersOf } from '../utils/auditFilters';
import styles from './Audit.module.css';
import { AuditFilterForm } from './AuditFilterForm';
import { AuditRecordTable } from './AuditRecordTable';

/** Filter form and the table of matching records. */
export function AuditLog({ isAdmin }: { readonly isAdmin: boolean }) {
  const t = useTexts(auditTexts);
  const { fields, setFilters } = useAddressFilters();
  const logs = useAuditLogs(filtersOf(fields));
  const records = logs.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <div className={styles.page}>
      <Card>
        <AuditFilterForm
          initial={fields}
          isAdmin={isAdmin}
          submitLabel={t('filters.show')}
          onSubmit={setFilters}
          onClear={() => setFilters({})}
          error={logs.error}
        />
      </Card>
      <Card>
        {logs.isPending && <Skeleton height="30rem" />}
        {logs.isError && <ErrorState error={logs.error} onRetry={() => void logs.refetch()} />}
        {logs.isSuccess && records.length === 0 && (
          <EmptyState title={t('empty')}>{logs.hasNextPage ? t('emptySoFar') : t('emptyHint')}</EmptyState>
        )}
        <div className={styles.records} aria-busy={logs.isPlaceholderData}>
          {records.length > 0 && <AuditRecordTable records={records} />}
        </div>
        {logs.hasNextPage && (
          <div className={styles.more}>
            <Button busy={logs.isFetchingNextPage} onClick={() => void logs.fetchNextPage()}>
              {t('more')}
            </Button>
          </div>
        )}
      </Card>
    </div>
  );
}
