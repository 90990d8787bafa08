import { useSearchParams } from 'wouter';
import { useAuditLogs } from '../../api/audit';
import { Button } from '../../components/ui/Button';
import { Card } from '../../components/ui/Card';
import { EmptyState } from '../../components/ui/EmptyState';
import { ErrorState } from '../../components/ui/ErrorState';
import { Skeleton } from '../../components/ui/Skeleton';
import { auditTexts } from '../../i18n/audit';
import { useTexts } from '../../i18n/useTexts';
import styles from './Audit.module.css';
import { Filters } from './Filters';
import { fieldsOf, filtersOf } from './filters';
import { Records } from './Records';

/** Records that fit the filters of the address: it can be shared, and the way back from a record leads to them. */
export function Log({ isAdmin }: { readonly isAdmin: boolean }) {
  const t = useTexts(auditTexts);
  const [address, setAddress] = useSearchParams();
  const fields = fieldsOf(address);
  const logs = useAuditLogs(filtersOf(fields));
  const records = logs.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <div className={styles.page}>
      <Card>
        <Filters
          initial={fields}
          isAdmin={isAdmin}
          submitLabel={t('filters.show')}
          onSubmit={(filters) => setAddress({ ...filters })}
          onClear={() => setAddress({})}
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
          {records.length > 0 && <Records records={records} />}
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
